// Pooling over channels-last images.
#pragma once

#include <memory>
#include <string>

#include "kernels/kernel_set.h"
#include "ops/conv_window.h"
#include "ops/op.h"

namespace bnn {

// Padding never enters a maximum; every window must hold at least one real pixel.
std::unique_ptr<Op> make_max_pool_f32(const std::string& name, const Window& window, bool ceil_mode,
                                      const KernelSet& kernels);

// The maximum of ±1 values on their bits.
std::unique_ptr<Op> make_max_pool_bits(const std::string& name, const Window& window,
                                       bool ceil_mode, const KernelSet& kernels);

// Mean over the window; padding counts as zeros in the divisor when `count_include_pad`.
std::unique_ptr<Op> make_average_pool_f32(const std::string& name, const Window& window,
                                          bool ceil_mode, bool count_include_pad,
                                          const KernelSet& kernels);

// Mean over the whole image: [N, H, W, C] → [N, 1, 1, C].
std::unique_ptr<Op> make_global_average_pool_f32(const std::string& name, const KernelSet& kernels);

}  // namespace bnn
