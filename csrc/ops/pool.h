// Pooling over channels-last images.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kernels/kernel_set.h"
#include "ops/conv_window.h"
#include "ops/low_bit.h"
#include "ops/op.h"

namespace bnn {

struct PoolWindow {
  Window window;
  bool ceil_mode = false;  // output extents are rounded up
  int spatial_axes = 2;    // of the images: height and width, or 3 with a depth in front
};

// Padding never enters a maximum; every window must hold at least one real pixel.
std::unique_ptr<Op> make_max_pool_f32(const std::string& name, const PoolWindow& pool,
                                      const KernelSet& kernels);

// The maximum of numbers on their bits, which the code says how to read.
std::unique_ptr<Op> make_max_pool_bits(const std::string& name, const PoolWindow& pool,
                                       const InputCode& code, const KernelSet& kernels);

// Mean over the window; padding counts as zeros in the divisor when `count_include_pad`.
std::unique_ptr<Op> make_average_pool_f32(const std::string& name, const PoolWindow& pool,
                                          bool count_include_pad, const KernelSet& kernels);

// The p-norm of the window.
std::unique_ptr<Op> make_lp_pool_f32(const std::string& name, const PoolWindow& pool,
                                     std::int64_t p);

// Mean and maximum over whole images of any number of axes: [N, H, W, C] → [N, 1, 1, C].
std::unique_ptr<Op> make_global_average_pool_f32(const std::string& name, const KernelSet& kernels);
std::unique_ptr<Op> make_global_max_pool_f32(const std::string& name, const KernelSet& kernels);

}  // namespace bnn
