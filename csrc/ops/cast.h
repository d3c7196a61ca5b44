// 8-bit integers as floats.
#pragma once

#include <memory>
#include <string>

#include "ops/op.h"

namespace bnn {

// u8 or i8 to f32: the same numbers.
std::unique_ptr<Op> make_cast(const std::string& name, ElementType from);

}  // namespace bnn
