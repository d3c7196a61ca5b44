// The tables behind every manifest: declaration and entry of each variant from its one row.
#include <type_traits>

#include "kernels/binarize/manifest.h"
#include "kernels/binarize_bytes/manifest.h"
#include "kernels/binary_weight_gemm/manifest.h"
#include "kernels/byte_gemm/manifest.h"
#include "kernels/epilogue/manifest.h"
#include "kernels/exponential/manifest.h"
#include "kernels/f32_gemm/manifest.h"
#include "kernels/kernel_set.h"
#include "kernels/pack_signs/manifest.h"
#include "kernels/plane_sum/manifest.h"
#include "kernels/pool/manifest.h"
#include "kernels/transpose/manifest.h"
#include "kernels/unpack/manifest.h"
#include "kernels/xnor_chain/manifest.h"
#include "kernels/xnor_gemm/manifest.h"
#include "kernels/xnor_masked/manifest.h"

namespace bnn {

#define BNN_DECLARE(family, Fn, isa, lanes) std::remove_pointer_t<Fn> family##_##isa;
#define BNN_ENTRY(family, Fn, isa, lanes) {#family, Isa::isa, lanes, family##_##isa},

#define BNN_MANIFEST(family, Fn, VARIANTS)                       \
  VARIANTS(BNN_DECLARE)                                          \
  std::span<const Variant<Fn>> family##_variants() {             \
    static constexpr Variant<Fn> rows[] = {VARIANTS(BNN_ENTRY)}; \
    return rows;                                                 \
  }

BNN_MANIFEST(xnor_gemm, XnorGemmFn, BNN_XNOR_GEMM_VARIANTS)
BNN_MANIFEST(xnor_chain, XnorChainFn, BNN_XNOR_CHAIN_VARIANTS)
BNN_MANIFEST(xnor_chain_f32, XnorChainF32Fn, BNN_XNOR_CHAIN_F32_VARIANTS)
BNN_MANIFEST(xnor_chain_bits, XnorChainBitsFn, BNN_XNOR_CHAIN_BITS_VARIANTS)
BNN_MANIFEST(xnor_masked, XnorMaskedFn, BNN_XNOR_MASKED_VARIANTS)
BNN_MANIFEST(f32_gemm, F32GemmFn, BNN_F32_GEMM_VARIANTS)
BNN_MANIFEST(binary_weight_gemm, BinaryWeightGemmFn, BNN_BINARY_WEIGHT_GEMM_VARIANTS)
BNN_MANIFEST(byte_gemm_u8, ByteGemmU8Fn, BNN_BYTE_GEMM_U8_VARIANTS)
BNN_MANIFEST(byte_gemm_i8, ByteGemmI8Fn, BNN_BYTE_GEMM_I8_VARIANTS)
BNN_MANIFEST(plane_sum, PlaneSumFn, BNN_PLANE_SUM_VARIANTS)
BNN_MANIFEST(binarize_f32, BinarizeF32Fn, BNN_BINARIZE_F32_VARIANTS)
BNN_MANIFEST(binarize_i32, BinarizeI32Fn, BNN_BINARIZE_I32_VARIANTS)
BNN_MANIFEST(binarize_u8, BinarizeU8Fn, BNN_BINARIZE_U8_VARIANTS)
BNN_MANIFEST(binarize_i8, BinarizeI8Fn, BNN_BINARIZE_I8_VARIANTS)
BNN_MANIFEST(binarize_planar_f32, BinarizePlanarF32Fn, BNN_BINARIZE_PLANAR_F32_VARIANTS)
BNN_MANIFEST(epilogue_f32, EpilogueF32Fn, BNN_EPILOGUE_F32_VARIANTS)
BNN_MANIFEST(epilogue_i32, EpilogueI32Fn, BNN_EPILOGUE_I32_VARIANTS)
BNN_MANIFEST(exp_f32, ExponentialF32Fn, BNN_EXP_F32_VARIANTS)
BNN_MANIFEST(sigmoid_f32, ExponentialF32Fn, BNN_SIGMOID_F32_VARIANTS)
BNN_MANIFEST(tanh_f32, ExponentialF32Fn, BNN_TANH_F32_VARIANTS)
BNN_MANIFEST(erf_f32, ExponentialF32Fn, BNN_ERF_F32_VARIANTS)
BNN_MANIFEST(normal_f32, ExponentialF32Fn, BNN_NORMAL_F32_VARIANTS)
BNN_MANIFEST(pool_max_f32, PoolF32Fn, BNN_POOL_MAX_F32_VARIANTS)
BNN_MANIFEST(pool_sum_f32, PoolF32Fn, BNN_POOL_SUM_F32_VARIANTS)
BNN_MANIFEST(pool_and_bits, PoolBitsFn, BNN_POOL_AND_BITS_VARIANTS)
BNN_MANIFEST(pool_or_bits, PoolBitsFn, BNN_POOL_OR_BITS_VARIANTS)
BNN_MANIFEST(pack_signs_f32, PackSignsF32Fn, BNN_PACK_SIGNS_F32_VARIANTS)
BNN_MANIFEST(pack_signs_planar_f32, PackSignsF32Fn, BNN_PACK_SIGNS_PLANAR_F32_VARIANTS)
BNN_MANIFEST(transpose_f32, TransposeF32Fn, BNN_TRANSPOSE_F32_VARIANTS)
BNN_MANIFEST(unpack_f32, UnpackF32Fn, BNN_UNPACK_F32_VARIANTS)
BNN_MANIFEST(unpack_planar_f32, UnpackF32Fn, BNN_UNPACK_PLANAR_F32_VARIANTS)

#undef BNN_MANIFEST
#undef BNN_ENTRY
#undef BNN_DECLARE

KernelSet kernel_set(Isa isa) {
  return KernelSet{
      .isa = isa,
      .xnor_gemm = select_variant(xnor_gemm_variants(), isa),
      .xnor_chain = select_variant(xnor_chain_variants(), isa),
      .xnor_chain_f32 = select_variant(xnor_chain_f32_variants(), isa),
      .xnor_chain_bits = select_variant(xnor_chain_bits_variants(), isa),
      .xnor_masked = select_variant(xnor_masked_variants(), isa),
      .f32_gemm = select_variant(f32_gemm_variants(), isa),
      .binary_weight_gemm = select_variant(binary_weight_gemm_variants(), isa),
      .byte_gemm_u8 = select_variant(byte_gemm_u8_variants(), isa),
      .byte_gemm_i8 = select_variant(byte_gemm_i8_variants(), isa),
      .plane_sum = select_variant(plane_sum_variants(), isa),
      .binarize_f32 = select_variant(binarize_f32_variants(), isa),
      .binarize_i32 = select_variant(binarize_i32_variants(), isa),
      .binarize_u8 = select_variant(binarize_u8_variants(), isa),
      .binarize_i8 = select_variant(binarize_i8_variants(), isa),
      .binarize_planar_f32 = select_variant(binarize_planar_f32_variants(), isa),
      .epilogue_f32 = select_variant(epilogue_f32_variants(), isa),
      .epilogue_i32 = select_variant(epilogue_i32_variants(), isa),
      .exp_f32 = select_variant(exp_f32_variants(), isa),
      .sigmoid_f32 = select_variant(sigmoid_f32_variants(), isa),
      .tanh_f32 = select_variant(tanh_f32_variants(), isa),
      .erf_f32 = select_variant(erf_f32_variants(), isa),
      .normal_f32 = select_variant(normal_f32_variants(), isa),
      .pool_max_f32 = select_variant(pool_max_f32_variants(), isa),
      .pool_sum_f32 = select_variant(pool_sum_f32_variants(), isa),
      .pool_and_bits = select_variant(pool_and_bits_variants(), isa),
      .pool_or_bits = select_variant(pool_or_bits_variants(), isa),
      .pack_signs_f32 = select_variant(pack_signs_f32_variants(), isa),
      .pack_signs_planar_f32 = select_variant(pack_signs_planar_f32_variants(), isa),
      .transpose_f32 = select_variant(transpose_f32_variants(), isa),
      .unpack_f32 = select_variant(unpack_f32_variants(), isa),
      .unpack_planar_f32 = select_variant(unpack_planar_f32_variants(), isa),
  };
}

}  // namespace bnn
