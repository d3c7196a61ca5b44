// Variants of family unpack: one ROW(family, function type, instruction set, lanes) each, in the
// order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/unpack/unpack.h"

#define BNN_UNPACK_F32_VARIANTS(ROW)                   \
  ROW(unpack_f32, UnpackF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(unpack_f32, UnpackF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(unpack_f32, UnpackF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(unpack_f32, UnpackF32Fn, avx512bw, 1))

#define BNN_UNPACK_PLANAR_F32_VARIANTS(ROW)                   \
  ROW(unpack_planar_f32, UnpackF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(unpack_planar_f32, UnpackF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(unpack_planar_f32, UnpackF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(unpack_planar_f32, UnpackF32Fn, avx512bw, 1))
