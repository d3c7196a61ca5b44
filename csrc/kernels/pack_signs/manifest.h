// Variants of family pack_signs: one ROW(family, function type, instruction set, lanes) each, in
// the order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/pack_signs/pack_signs.h"

#define BNN_PACK_SIGNS_F32_VARIANTS(ROW)                      \
  ROW(pack_signs_f32, PackSignsF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(pack_signs_f32, PackSignsF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(pack_signs_f32, PackSignsF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(pack_signs_f32, PackSignsF32Fn, avx512bw, 1))

#define BNN_PACK_SIGNS_PLANAR_F32_VARIANTS(ROW)                      \
  ROW(pack_signs_planar_f32, PackSignsF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(pack_signs_planar_f32, PackSignsF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(pack_signs_planar_f32, PackSignsF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(pack_signs_planar_f32, PackSignsF32Fn, avx512bw, 1))
