// Variants of family byte_gemm: one ROW(family, function type, instruction set, lanes) each, in the
// order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/byte_gemm/byte_gemm.h"

#define BNN_BYTE_GEMM_U8_VARIANTS(ROW)                       \
  ROW(byte_gemm_u8, ByteGemmU8Fn, scalar, 16)                \
  BNN_ARM64_ROW(ROW(byte_gemm_u8, ByteGemmU8Fn, neon, 16))   \
  BNN_X86_ROW(ROW(byte_gemm_u8, ByteGemmU8Fn, avx2, 16))     \
  BNN_X86_ROW(ROW(byte_gemm_u8, ByteGemmU8Fn, avx512bw, 16)) \
  BNN_X86_ROW(ROW(byte_gemm_u8, ByteGemmU8Fn, avx512_vpopcntdq, 16))

#define BNN_BYTE_GEMM_I8_VARIANTS(ROW)                       \
  ROW(byte_gemm_i8, ByteGemmI8Fn, scalar, 16)                \
  BNN_ARM64_ROW(ROW(byte_gemm_i8, ByteGemmI8Fn, neon, 16))   \
  BNN_X86_ROW(ROW(byte_gemm_i8, ByteGemmI8Fn, avx2, 16))     \
  BNN_X86_ROW(ROW(byte_gemm_i8, ByteGemmI8Fn, avx512bw, 16)) \
  BNN_X86_ROW(ROW(byte_gemm_i8, ByteGemmI8Fn, avx512_vpopcntdq, 16))
