// Variants of family f32_gemm: one ROW(family, function type, instruction set, lanes) each, in the
// order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/f32_gemm/f32_gemm.h"

#define BNN_F32_GEMM_VARIANTS(ROW)                 \
  ROW(f32_gemm, F32GemmFn, scalar, 8)              \
  BNN_ARM64_ROW(ROW(f32_gemm, F32GemmFn, neon, 8)) \
  BNN_X86_ROW(ROW(f32_gemm, F32GemmFn, avx2, 8))   \
  BNN_X86_ROW(ROW(f32_gemm, F32GemmFn, avx512bw, 16))
