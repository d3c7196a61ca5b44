// One random case of each kernel family against the formula in its contract; throws Failure.
#pragma once

#include "kernels/kernel_set.h"
#include "support.h"

namespace bnn::test {

void check_xnor_gemm(const Variant<XnorGemmFn>& variant, Random& random);
void check_xnor_chain(const Variant<XnorChainFn>& variant, Random& random);
void check_xnor_chain_f32(const Variant<XnorChainF32Fn>& variant, Random& random);
void check_xnor_chain_bits(const Variant<XnorChainBitsFn>& variant, Random& random);
void check_xnor_masked(const Variant<XnorMaskedFn>& variant, Random& random);
void check_f32_gemm(const Variant<F32GemmFn>& variant, Random& random);
void check_binary_weight_gemm(const Variant<BinaryWeightGemmFn>& variant, Random& random);
void check_byte_gemm_u8(const Variant<ByteGemmU8Fn>& variant, Random& random);
void check_byte_gemm_i8(const Variant<ByteGemmI8Fn>& variant, Random& random);
void check_plane_sum(const Variant<PlaneSumFn>& variant, Random& random);
void check_binarize_f32(const Variant<BinarizeF32Fn>& variant, Random& random);
void check_binarize_i32(const Variant<BinarizeI32Fn>& variant, Random& random);
void check_binarize_u8(const Variant<BinarizeU8Fn>& variant, Random& random);
void check_binarize_i8(const Variant<BinarizeI8Fn>& variant, Random& random);
void check_binarize_planar_f32(const Variant<BinarizePlanarF32Fn>& variant, Random& random);
void check_epilogue_f32(const Variant<EpilogueF32Fn>& variant, Random& random);
void check_epilogue_i32(const Variant<EpilogueI32Fn>& variant, Random& random);
void check_pool_max_f32(const Variant<PoolF32Fn>& variant, Random& random);
void check_pool_sum_f32(const Variant<PoolF32Fn>& variant, Random& random);
void check_pool_and_bits(const Variant<PoolBitsFn>& variant, Random& random);
void check_pool_or_bits(const Variant<PoolBitsFn>& variant, Random& random);
void check_pack_signs_f32(const Variant<PackSignsF32Fn>& variant, Random& random);
void check_pack_signs_planar_f32(const Variant<PackSignsF32Fn>& variant, Random& random);
void check_exp_f32(const Variant<ExponentialF32Fn>& variant, Random& random);
void check_sigmoid_f32(const Variant<ExponentialF32Fn>& variant, Random& random);
void check_tanh_f32(const Variant<ExponentialF32Fn>& variant, Random& random);
void check_erf_f32(const Variant<ExponentialF32Fn>& variant, Random& random);
void check_normal_f32(const Variant<ExponentialF32Fn>& variant, Random& random);
void check_unpack_f32(const Variant<UnpackF32Fn>& variant, Random& random);
void check_unpack_planar_f32(const Variant<UnpackF32Fn>& variant, Random& random);
void check_transpose_f32(const Variant<TransposeF32Fn>& variant, Random& random);

// Forced, unknown and default instruction sets, and what kernel_set() chooses for each.
void check_dispatch();

}  // namespace bnn::test
