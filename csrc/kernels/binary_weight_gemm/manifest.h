// Variants of family binary_weight_gemm: one ROW(family, function type, instruction set, lanes)
// each, in the order of Isa. A row makes the declaration and table entry of function <family>_<isa>
// in kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/binary_weight_gemm/binary_weight_gemm.h"

#define BNN_BINARY_WEIGHT_GEMM_VARIANTS(ROW)                          \
  ROW(binary_weight_gemm, BinaryWeightGemmFn, scalar, 8)              \
  BNN_ARM64_ROW(ROW(binary_weight_gemm, BinaryWeightGemmFn, neon, 8)) \
  BNN_X86_ROW(ROW(binary_weight_gemm, BinaryWeightGemmFn, avx2, 8))   \
  BNN_X86_ROW(ROW(binary_weight_gemm, BinaryWeightGemmFn, avx512bw, 16))
