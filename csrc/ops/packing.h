// Between numbers and packed bits.
#pragma once

#include <memory>
#include <string>

#include "ops/dot_layer.h"
#include "ops/op.h"

namespace bnn {

// Numbers [..., C] of type `input` to bits [..., C] by one interval per channel, or one for all
// channels (bounds of length 1).
std::unique_ptr<Op> make_binarize(const std::string& name, const Thresholds& thresholds,
                                  const KernelSet& kernels, ElementType input = ElementType::f32);

// The same from channels-first floats: [N, C, spatial...] to bits [N, spatial..., C].
std::unique_ptr<Op> make_binarize_planar(const std::string& name, const Thresholds& thresholds,
                                         const KernelSet& kernels);

// Bits [..., C] to the floats −1 and +1.
std::unique_ptr<Op> make_unpack(const std::string& name, const KernelSet& kernels);

// The same to channels-first floats: [N, spatial..., C] to [N, C, spatial...].
std::unique_ptr<Op> make_unpack_planar(const std::string& name, const KernelSet& kernels);

}  // namespace bnn
