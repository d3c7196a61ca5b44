// Bits × bits layers over the kernels of family xnor_masked: operands with zeros.
//
//   * Input of {−1, 0, +1}: its second plane is the mask.
//   * Weights of {−1, 0, +1}: their mask lies beside them.
//   * Groups of channels that are no whole words (or whose packed outputs are no whole bytes): an
//   output channel reads the words that hold its
//     group, and its weights are masked where these belong to other groups. A depthwise layer is
//     the extreme: 64 channels share a word.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "ops/dot_layer.h"

namespace bnn {

class MaskedLayer : public Op {
 public:
  using Op::Op;

  // run(), but only output pixels p (of all images, in order) with selected[p] != 0.
  virtual void run_selected(const OpContext& context, const std::uint8_t* selected) const = 0;
};

// True where inputs of ±1 or digits need it. `length`: words of a row of weights.
bool needs_masks(const DotLayerSpec& spec, std::int64_t length, const Epilogue& epilogue);

// As make_xnor_layer(), which checked `spec` and the number of weights. Throws ModelFormatError for
// weights with a constant term, whose sum of inputs has no kernel here.
std::unique_ptr<MaskedLayer> make_masked_layer(const DotLayerSpec& spec, std::int64_t length,
                                               std::span<const std::uint64_t> weights,
                                               const Epilogue& epilogue, const KernelSet& kernels);

}  // namespace bnn
