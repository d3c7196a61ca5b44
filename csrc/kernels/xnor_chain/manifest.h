// Variants of family xnor_chain: one ROW(family, function type, instruction set, lanes) each, in
// the order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/xnor_chain/xnor_chain.h"

#define BNN_XNOR_CHAIN_VARIANTS(ROW)      \
  ROW(xnor_chain, XnorChainFn, scalar, 8) \
  BNN_X86_ROW(ROW(xnor_chain, XnorChainFn, avx512_vpopcntdq, 8))

#define BNN_XNOR_CHAIN_F32_VARIANTS(ROW)         \
  ROW(xnor_chain_f32, XnorChainF32Fn, scalar, 8) \
  BNN_X86_ROW(ROW(xnor_chain_f32, XnorChainF32Fn, avx512_vpopcntdq, 8))

#define BNN_XNOR_CHAIN_BITS_VARIANTS(ROW)          \
  ROW(xnor_chain_bits, XnorChainBitsFn, scalar, 8) \
  BNN_X86_ROW(ROW(xnor_chain_bits, XnorChainBitsFn, avx512_vpopcntdq, 8))
