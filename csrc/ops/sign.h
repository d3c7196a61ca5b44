// ONNX Sign.
#pragma once

#include <memory>
#include <string>

#include "kernels/kernel_set.h"
#include "ops/op.h"

namespace bnn {

// Floats [..., C] to their signs as ternary bits (InputCode::ternary). Sets has_zeros of the
// output, and the call's saw_nan where an element is NaN: its sign is NaN, which bits cannot hold.
std::unique_ptr<Op> make_sign(const std::string& name, const KernelSet& kernels);

// Ternary bits [..., C] to the floats −1, 0 and +1.
std::unique_ptr<Op> make_unpack_ternary(const std::string& name);

// The same as floats; the sign of ±0 is +0, that of NaN is NaN.
std::unique_ptr<Op> make_sign_f32(const std::string& name);

}  // namespace bnn
