// Variants of family transpose: one ROW(family, function type, instruction set, lanes) each, in the
// order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/transpose/transpose.h"

#define BNN_TRANSPOSE_F32_VARIANTS(ROW)                      \
  ROW(transpose_f32, TransposeF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(transpose_f32, TransposeF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(transpose_f32, TransposeF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(transpose_f32, TransposeF32Fn, avx512bw, 1))
