// Without a dot instruction: vpmaddubsw (u8 × i8 to i16 pairs, which saturate), vpmaddwd (to i32)
// and an addition for 32 products.
#include <immintrin.h>

#include "probe.h"

namespace bnn::roofline {
namespace {

constexpr int kStepsPerPass = 16;

template <int kChains>
void run(const Operands& operands, std::ptrdiff_t passes) {
  const auto* pairs = reinterpret_cast<const __m256i*>(operands.weights);
  __m256i a_u8x32 = _mm256_load_si256(pairs);
  const __m256i b_i8x32 = _mm256_load_si256(pairs + 1);
  const __m256i one_i16x16 = _mm256_set1_epi16(1);
  __m256i acc_i32x8[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) acc_i32x8[i] = _mm256_setzero_si256();
  for (std::ptrdiff_t step = 0; step < passes * kStepsPerPass; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) {
      // The compiler has to take the operand for changed: the product is not to be computed once.
      __asm__ volatile("" : "+x"(a_u8x32));
      const __m256i pairs_i16x16 = _mm256_maddubs_epi16(a_u8x32, b_i8x32);
      acc_i32x8[i] = _mm256_add_epi32(acc_i32x8[i], _mm256_madd_epi16(pairs_i16x16, one_i16x16));
    }
  }
  auto* sink = static_cast<__m256i*>(operands.sink);
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) _mm256_store_si256(sink + i, acc_i32x8[i]);
}

template <int kChains>
constexpr Probe probe(const char* tile) {
  return {tile, 32.0 * kChains * kStepsPerPass, run<kChains>};
}

constexpr Probe kProbes[] = {probe<4>("4 chains"), probe<8>("8 chains")};

}  // namespace

Probes int8_avx2() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace bnn::roofline
