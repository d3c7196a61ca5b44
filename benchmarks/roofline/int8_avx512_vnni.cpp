// Chains of vpdpbusd: 64 products of u8 and i8 are added to 16 sums in one instruction.
#include <immintrin.h>

#include "probe.h"

namespace bnn::roofline {
namespace {

constexpr int kStepsPerPass = 16;

template <int kChains>
void run(const Operands& operands, std::ptrdiff_t passes) {
  const __m512i a_u8x64 = _mm512_load_si512(operands.weights);
  const __m512i b_i8x64 = _mm512_load_si512(operands.weights + kMaxLanes);
  // From memory: of chains that start alike the compiler would compute only one.
  __m512i acc_i32x16[kChains];
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) {
    acc_i32x16[i] = _mm512_load_si512(operands.weights + i * kMaxLanes);
  }
  for (std::ptrdiff_t step = 0; step < passes * kStepsPerPass; ++step) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) {
      acc_i32x16[i] = _mm512_dpbusd_epi32(acc_i32x16[i], a_u8x64, b_i8x64);
    }
  }
  auto* sink = static_cast<__m512i*>(operands.sink);
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) _mm512_store_si512(sink + i, acc_i32x16[i]);
}

template <int kChains>
constexpr Probe probe(const char* tile) {
  return {tile, 64.0 * kChains * kStepsPerPass, run<kChains>};
}

constexpr Probe kProbes[] = {probe<12>("12 chains"), probe<20>("20 chains")};

}  // namespace

Probes int8_avx512_vnni() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace bnn::roofline
