// Variants of family epilogue: one ROW(family, function type, instruction set, lanes) each, in the
// order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/epilogue/epilogue.h"

#define BNN_EPILOGUE_F32_VARIANTS(ROW)                     \
  ROW(epilogue_f32, EpilogueF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(epilogue_f32, EpilogueF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(epilogue_f32, EpilogueF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(epilogue_f32, EpilogueF32Fn, avx512bw, 1))

#define BNN_EPILOGUE_I32_VARIANTS(ROW)                     \
  ROW(epilogue_i32, EpilogueI32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(epilogue_i32, EpilogueI32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(epilogue_i32, EpilogueI32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(epilogue_i32, EpilogueI32Fn, avx512bw, 1))
