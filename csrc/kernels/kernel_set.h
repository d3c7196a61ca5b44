// The kernels of one instruction set: what a program is built with.
#pragma once

#include <span>

#include "kernels/binarize/binarize.h"
#include "kernels/binarize_bytes/binarize_bytes.h"
#include "kernels/binary_weight_gemm/binary_weight_gemm.h"
#include "kernels/byte_gemm/byte_gemm.h"
#include "kernels/epilogue/epilogue.h"
#include "kernels/exponential/exponential.h"
#include "kernels/f32_gemm/f32_gemm.h"
#include "kernels/pack_signs/pack_signs.h"
#include "kernels/plane_sum/plane_sum.h"
#include "kernels/pool/pool.h"
#include "kernels/transpose/transpose.h"
#include "kernels/unpack/unpack.h"
#include "kernels/variant.h"
#include "kernels/xnor_chain/xnor_chain.h"
#include "kernels/xnor_gemm/xnor_gemm.h"
#include "kernels/xnor_masked/xnor_masked.h"

namespace bnn {

// Manifests: every compiled variant of a family, in the order of Isa.
std::span<const Variant<XnorGemmFn>> xnor_gemm_variants();
std::span<const Variant<XnorChainFn>> xnor_chain_variants();
std::span<const Variant<XnorChainF32Fn>> xnor_chain_f32_variants();
std::span<const Variant<XnorChainBitsFn>> xnor_chain_bits_variants();
std::span<const Variant<XnorMaskedFn>> xnor_masked_variants();
std::span<const Variant<F32GemmFn>> f32_gemm_variants();
std::span<const Variant<BinaryWeightGemmFn>> binary_weight_gemm_variants();
std::span<const Variant<ByteGemmU8Fn>> byte_gemm_u8_variants();
std::span<const Variant<ByteGemmI8Fn>> byte_gemm_i8_variants();
std::span<const Variant<PlaneSumFn>> plane_sum_variants();
std::span<const Variant<BinarizeF32Fn>> binarize_f32_variants();
std::span<const Variant<BinarizeI32Fn>> binarize_i32_variants();
std::span<const Variant<BinarizeU8Fn>> binarize_u8_variants();
std::span<const Variant<BinarizeI8Fn>> binarize_i8_variants();
std::span<const Variant<BinarizePlanarF32Fn>> binarize_planar_f32_variants();
std::span<const Variant<EpilogueF32Fn>> epilogue_f32_variants();
std::span<const Variant<EpilogueI32Fn>> epilogue_i32_variants();
std::span<const Variant<ExponentialF32Fn>> exp_f32_variants();
std::span<const Variant<ExponentialF32Fn>> sigmoid_f32_variants();
std::span<const Variant<ExponentialF32Fn>> tanh_f32_variants();
std::span<const Variant<ExponentialF32Fn>> erf_f32_variants();
std::span<const Variant<ExponentialF32Fn>> normal_f32_variants();
std::span<const Variant<PoolF32Fn>> pool_max_f32_variants();
std::span<const Variant<PoolF32Fn>> pool_sum_f32_variants();
std::span<const Variant<PoolBitsFn>> pool_and_bits_variants();
std::span<const Variant<PoolBitsFn>> pool_or_bits_variants();
std::span<const Variant<PackSignsF32Fn>> pack_signs_f32_variants();
std::span<const Variant<PackSignsF32Fn>> pack_signs_planar_f32_variants();
std::span<const Variant<TransposeF32Fn>> transpose_f32_variants();
std::span<const Variant<UnpackF32Fn>> unpack_f32_variants();
std::span<const Variant<UnpackF32Fn>> unpack_planar_f32_variants();

struct KernelSet {
  Isa isa;
  Variant<XnorGemmFn> xnor_gemm;
  Variant<XnorChainFn> xnor_chain;
  Variant<XnorChainF32Fn> xnor_chain_f32;
  Variant<XnorChainBitsFn> xnor_chain_bits;
  Variant<XnorMaskedFn> xnor_masked;
  Variant<F32GemmFn> f32_gemm;
  Variant<BinaryWeightGemmFn> binary_weight_gemm;
  Variant<ByteGemmU8Fn> byte_gemm_u8;
  Variant<ByteGemmI8Fn> byte_gemm_i8;
  Variant<PlaneSumFn> plane_sum;
  Variant<BinarizeF32Fn> binarize_f32;
  Variant<BinarizeI32Fn> binarize_i32;
  Variant<BinarizeU8Fn> binarize_u8;
  Variant<BinarizeI8Fn> binarize_i8;
  Variant<BinarizePlanarF32Fn> binarize_planar_f32;
  Variant<EpilogueF32Fn> epilogue_f32;
  Variant<EpilogueI32Fn> epilogue_i32;
  Variant<ExponentialF32Fn> exp_f32;
  Variant<ExponentialF32Fn> sigmoid_f32;
  Variant<ExponentialF32Fn> tanh_f32;
  Variant<ExponentialF32Fn> erf_f32;
  Variant<ExponentialF32Fn> normal_f32;
  Variant<PoolF32Fn> pool_max_f32;
  Variant<PoolF32Fn> pool_sum_f32;
  Variant<PoolBitsFn> pool_and_bits;
  Variant<PoolBitsFn> pool_or_bits;
  Variant<PackSignsF32Fn> pack_signs_f32;
  Variant<PackSignsF32Fn> pack_signs_planar_f32;
  Variant<TransposeF32Fn> transpose_f32;
  Variant<UnpackF32Fn> unpack_f32;
  Variant<UnpackF32Fn> unpack_planar_f32;
};

// The best variant of every family for `isa`, which the CPU must support.
KernelSet kernel_set(Isa isa);

}  // namespace bnn
