// Bits × bits layers over the kernels of family xnor_chain; see ops/dot_layer.h for the layer and
// kernels/xnor_chain/xnor_chain.h for what a chain is.
//
// A dense row is one chain. A window is one chain per row of taps, so that every chain of an image
//
//     [input row][output column] → the words of the taps that the column's window has in that row
//
// is made once and read by each output row whose window covers the input row; all geometry along
// the width (stride, dilation, padding) is dealt with there. Clipping a window at the top or bottom
// leaves out chains, clipping it at the right shortens them (the first elements of a chain are a
// chain), and where it is clipped at the left the chains start at another tap: the weights are
// packed once for every such start.
//
// Where DotLayerSpec::channels_first asks for it and floats that depend on the tile alone are all
// there is, an image is computed in bands of rows and each band transposed into [N, C, H, W] while
// it is in L2: cheaper than a pass of its own over the image.
#pragma once

#include <memory>
#include <span>

#include "ops/dot_layer.h"

namespace bnn {

// True when the chain kernels are expected to beat xnor_gemm for a layer. Chains too short to save
// operations still gain by the epilogue that is part of the kernel.
bool chain_pays(const DotLayerSpec& spec, const KernelSet& kernels);

// `spec` and `weights` were checked by make_xnor_layer().
std::unique_ptr<Op> make_xnor_chain_layer(const DotLayerSpec& spec, std::int64_t length,
                                          std::span<const std::uint64_t> weights,
                                          const Epilogue& epilogue, const KernelSet& kernels,
                                          PlaneSums planes);

}  // namespace bnn
