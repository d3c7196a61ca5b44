// One random case of what the runtime promises; throws Failure.
#pragma once

#include "kernels/kernel_set.h"
#include "support.h"

namespace bnn::test {

// Layers of all number formats: float output, and thresholds to bits.
void check_layer_floats(const KernelSet& kernels, Random& random);
void check_layer_bits(const KernelSet& kernels, Random& random);
// Thresholds to several planes.
void check_layer_planes(const KernelSet& kernels, Random& random);
// Residuals and PReLU, and floats and bits from one layer.
void check_layer_residual(const KernelSet& kernels, Random& random);

// Pooling of floats and of bits against each other and against plain loops.
void check_pooling(const KernelSet& kernels, Random& random);

// Permutations of axes, and bits from channels-first floats, against plain loops.
void check_layouts(const KernelSet& kernels, Random& random);

// Elements picked, joined and summed along axes, and products of two tensors, against plain loops.
void check_moving(const KernelSet& kernels, Random& random);

// A batch answers row by row, for any batch size, number of threads and number of callers.
void check_batches(const KernelSet& kernels, Random& random);

// Tensors alive at the same time never share memory.
void check_memory_plan(Random& random);

// Element-wise ops on operands of any shapes that fit, against index arithmetic.
void check_elementwise(Random& random);

// All 16-bit floats, and rounding to them.
void check_half_floats(Random& random);

// Casts at the edges of the types.
void check_casts();

// Inconsistent descriptions are refused by an error.
void check_hostile_descriptions(const KernelSet& kernels);
void check_hostile_moves(const KernelSet& kernels);

}  // namespace bnn::test
