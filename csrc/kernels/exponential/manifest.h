// Variants of family exponential: one ROW(family, function type, instruction set, lanes) each, in
// the order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/exponential/exponential.h"

#define BNN_EXP_F32_VARIANTS(ROW)                        \
  ROW(exp_f32, ExponentialF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(exp_f32, ExponentialF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(exp_f32, ExponentialF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(exp_f32, ExponentialF32Fn, avx512bw, 1))

#define BNN_SIGMOID_F32_VARIANTS(ROW)                        \
  ROW(sigmoid_f32, ExponentialF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(sigmoid_f32, ExponentialF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(sigmoid_f32, ExponentialF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(sigmoid_f32, ExponentialF32Fn, avx512bw, 1))

#define BNN_TANH_F32_VARIANTS(ROW)                        \
  ROW(tanh_f32, ExponentialF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(tanh_f32, ExponentialF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(tanh_f32, ExponentialF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(tanh_f32, ExponentialF32Fn, avx512bw, 1))

#define BNN_ERF_F32_VARIANTS(ROW)                        \
  ROW(erf_f32, ExponentialF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(erf_f32, ExponentialF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(erf_f32, ExponentialF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(erf_f32, ExponentialF32Fn, avx512bw, 1))

#define BNN_NORMAL_F32_VARIANTS(ROW)                        \
  ROW(normal_f32, ExponentialF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(normal_f32, ExponentialF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(normal_f32, ExponentialF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(normal_f32, ExponentialF32Fn, avx512bw, 1))
