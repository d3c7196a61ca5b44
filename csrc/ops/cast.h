// Conversion between element types.
#pragma once

#include <memory>
#include <string>

#include "ops/op.h"

namespace bnn {

// ONNX Cast. Rounds to nearest even between floats, truncates floats to integers, wraps integers.
// A float beyond the integer's range, and NaN, becomes what x86 (and so ONNX Runtime and NumPy
// there) makes of it: the smallest int32 or int64, wrapped where the integer is smaller. Integers
// of one size share their memory.
std::unique_ptr<Op> make_cast(const std::string& name, ElementType from, ElementType to);

}  // namespace bnn
