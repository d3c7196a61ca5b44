// Variants of family binarize_bytes: one ROW(family, function type, instruction set, lanes) each,
// in the order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/binarize_bytes/binarize_bytes.h"

#define BNN_BINARIZE_U8_VARIANTS(ROW)                    \
  ROW(binarize_u8, BinarizeU8Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(binarize_u8, BinarizeU8Fn, neon, 1)) \
  BNN_X86_ROW(ROW(binarize_u8, BinarizeU8Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(binarize_u8, BinarizeU8Fn, avx512bw, 1))

#define BNN_BINARIZE_I8_VARIANTS(ROW)                    \
  ROW(binarize_i8, BinarizeI8Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(binarize_i8, BinarizeI8Fn, neon, 1)) \
  BNN_X86_ROW(ROW(binarize_i8, BinarizeI8Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(binarize_i8, BinarizeI8Fn, avx512bw, 1))
