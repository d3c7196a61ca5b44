// Variants of family binarize: one ROW(family, function type, instruction set, lanes) each, in the
// order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/binarize/binarize.h"

#define BNN_BINARIZE_F32_VARIANTS(ROW)                     \
  ROW(binarize_f32, BinarizeF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(binarize_f32, BinarizeF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(binarize_f32, BinarizeF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(binarize_f32, BinarizeF32Fn, avx512bw, 1))

#define BNN_BINARIZE_I32_VARIANTS(ROW)                     \
  ROW(binarize_i32, BinarizeI32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(binarize_i32, BinarizeI32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(binarize_i32, BinarizeI32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(binarize_i32, BinarizeI32Fn, avx512bw, 1))

#define BNN_BINARIZE_PLANAR_F32_VARIANTS(ROW)                           \
  ROW(binarize_planar_f32, BinarizePlanarF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(binarize_planar_f32, BinarizePlanarF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(binarize_planar_f32, BinarizePlanarF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(binarize_planar_f32, BinarizePlanarF32Fn, avx512bw, 1))
