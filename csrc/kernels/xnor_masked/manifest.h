// Variants of family xnor_masked: one ROW(family, function type, instruction set, lanes) each, in
// the order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/xnor_masked/xnor_masked.h"

#define BNN_XNOR_MASKED_VARIANTS(ROW)                       \
  ROW(xnor_masked, XnorMaskedFn, scalar, 4)                 \
  BNN_ARM64_ROW(ROW(xnor_masked, XnorMaskedFn, neon, 4))    \
  BNN_X86_ROW(ROW(xnor_masked, XnorMaskedFn, avx2, 16))     \
  BNN_X86_ROW(ROW(xnor_masked, XnorMaskedFn, avx512bw, 16)) \
  BNN_X86_ROW(ROW(xnor_masked, XnorMaskedFn, avx512_vpopcntdq, 8))
