// ONNX Sign as packed bits.
#pragma once

#include <memory>
#include <string>

#include "kernels/kernel_set.h"
#include "ops/op.h"

namespace bnn {

// Floats [..., C] to their signs as ternary bits (InputCode::ternary). Sets has_zeros of the
// output, and the call's saw_nan where an element is NaN: its sign is NaN, which bits cannot hold.
std::unique_ptr<Op> make_sign(const std::string& name, const KernelSet& kernels);

}  // namespace bnn
