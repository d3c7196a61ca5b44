// Numbers to planes of bits, and back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ops/dot_layer.h"
#include "ops/op.h"

namespace bnn {

// The level of a number is how many of the intervals `levels` hold it: interval j, per channel or
// one for all (bounds of length 1), must contain interval j + 1, and none is inverted. NaN has
// level 0. Plane p of the result is bit p of codes[level]. Throws ModelFormatError, in the name of
// `node`.
BitPlanes level_planes(const std::string& node, const std::vector<Thresholds>& levels,
                       const std::vector<unsigned>& codes, int planes);

// The level itself as binary digits (InputCode), as many as the last one has.
BitPlanes digit_planes(const std::string& node, const std::vector<Thresholds>& levels);

// Floats [..., C] to planes of bits; planar: [N, C, spatial...] to bits [N, spatial..., C].
// watch_nan: sets the call's saw_nan where an element is NaN.
std::unique_ptr<Op> make_bit_planes(const std::string& name, const BitPlanes& planes, bool planar,
                                    bool watch_nan, const KernelSet& kernels);

// Planes of bits [..., C] to floats: values[code] for the bits of an element, bit p from plane p.
// 2^planes values.
std::unique_ptr<Op> make_unpack_planes(const std::string& name, std::vector<float> values);

}  // namespace bnn
