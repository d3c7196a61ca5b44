// Numbers to planes of bits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ops/dot_layer.h"
#include "ops/op.h"

namespace bnn {

// The level of a number, which is how many of the intervals `levels` hold it, as binary digits
// (InputCode): interval j, per channel or one for all (bounds of length 1), must contain interval
// j + 1, and none is inverted. NaN has level 0. As many planes as the last level has digits. Throws
// ModelFormatError, in the name of `node`.
BitPlanes digit_planes(const std::string& node, const std::vector<Thresholds>& levels);

// Floats [..., C] to planes of bits.
std::unique_ptr<Op> make_bit_planes(const std::string& name, const BitPlanes& planes,
                                    const KernelSet& kernels);

}  // namespace bnn
