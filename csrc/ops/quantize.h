// Floats to unsigned integers of a few binary digits, as planes of bits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ops/dot_layer.h"
#include "ops/op.h"

namespace bnn {

// Floats [..., C] to their level, the number of intervals that hold them, as binary digits
// (InputCode): interval j of `levels`, per channel or one for all (bounds of length 1), must
// contain interval j + 1, and none is inverted. NaN has level 0. As many planes as the last level
// has digits.
std::unique_ptr<Op> make_quantize(const std::string& name, const std::vector<Thresholds>& levels,
                                  const KernelSet& kernels);

// The binary digits of the numbers 0 … levels.
int digits_of(std::size_t levels);

}  // namespace bnn
