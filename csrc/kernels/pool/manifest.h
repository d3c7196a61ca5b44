// Variants of family pool: one ROW(family, function type, instruction set, lanes) each, in the
// order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/pool/pool.h"

#define BNN_POOL_MAX_F32_VARIANTS(ROW)                 \
  ROW(pool_max_f32, PoolF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(pool_max_f32, PoolF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(pool_max_f32, PoolF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(pool_max_f32, PoolF32Fn, avx512bw, 1))

#define BNN_POOL_SUM_F32_VARIANTS(ROW)                 \
  ROW(pool_sum_f32, PoolF32Fn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(pool_sum_f32, PoolF32Fn, neon, 1)) \
  BNN_X86_ROW(ROW(pool_sum_f32, PoolF32Fn, avx2, 1))   \
  BNN_X86_ROW(ROW(pool_sum_f32, PoolF32Fn, avx512bw, 1))

#define BNN_POOL_AND_BITS_VARIANTS(ROW)                  \
  ROW(pool_and_bits, PoolBitsFn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(pool_and_bits, PoolBitsFn, neon, 1)) \
  BNN_X86_ROW(ROW(pool_and_bits, PoolBitsFn, avx2, 1))   \
  BNN_X86_ROW(ROW(pool_and_bits, PoolBitsFn, avx512bw, 1))

#define BNN_POOL_OR_BITS_VARIANTS(ROW)                  \
  ROW(pool_or_bits, PoolBitsFn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(pool_or_bits, PoolBitsFn, neon, 1)) \
  BNN_X86_ROW(ROW(pool_or_bits, PoolBitsFn, avx2, 1))   \
  BNN_X86_ROW(ROW(pool_or_bits, PoolBitsFn, avx512bw, 1))
