// Products of two tensors that both are inputs.
#pragma once

#include <memory>
#include <string>

#include "kernels/kernel_set.h"
#include "ops/op.h"

namespace bnn {

// Floats a [..., M, K] times b [..., K, N], or [..., N, K] where b is transposed. The axes in front
// are broadcast against each other as in ONNX MatMul.
std::unique_ptr<Op> make_matmul(const std::string& name, bool transpose_b,
                                const KernelSet& kernels);

}  // namespace bnn
