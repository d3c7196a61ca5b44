// Float arithmetic with one operand per channel.
#pragma once

#include <memory>
#include <string>

#include "kernels/kernel_set.h"
#include "ops/dot_layer.h"
#include "ops/op.h"

namespace bnn {

// Per-channel steps on [..., C]: BatchNormalization, biases, scales, Relu, Clip. Operands of length
// 1 serve every channel.
std::unique_ptr<Op> make_channel_arithmetic(const std::string& name, const FloatEpilogue& steps,
                                            const KernelSet& kernels);

}  // namespace bnn
