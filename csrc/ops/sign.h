// ONNX Sign in packed form: −1, 0 or +1; NaN has none.
#pragma once

#include <memory>
#include <string>

#include "kernels/kernel_set.h"
#include "ops/op.h"

namespace bnn {

// Floats [..., C], or `planar` [N, C, spatial...], to their signs as ternary bits [..., C]
// (InputCode::ternary). Sets has_zeros of the output, and the call's saw_nan where an element is
// NaN, whose sign bits cannot hold.
std::unique_ptr<Op> make_pack_signs(const std::string& name, bool planar, const KernelSet& kernels);

}  // namespace bnn
