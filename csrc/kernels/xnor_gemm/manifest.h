// Variants of family xnor_gemm: one ROW(family, function type, instruction set, lanes) each, in the
// order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/xnor_gemm/xnor_gemm.h"

#define BNN_XNOR_GEMM_VARIANTS(ROW)                     \
  ROW(xnor_gemm, XnorGemmFn, scalar, 4)                 \
  BNN_ARM64_ROW(ROW(xnor_gemm, XnorGemmFn, neon, 4))    \
  BNN_X86_ROW(ROW(xnor_gemm, XnorGemmFn, avx2, 16))     \
  BNN_X86_ROW(ROW(xnor_gemm, XnorGemmFn, avx512bw, 16)) \
  BNN_X86_ROW(ROW(xnor_gemm, XnorGemmFn, avx512_vpopcntdq, 8))
