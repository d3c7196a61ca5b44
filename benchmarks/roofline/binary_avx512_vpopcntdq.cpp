// xor + vpopcntq + add: three 512-bit operations per 512 MAC. Zen 4 issues two logic or add
// operations a cycle, one of them may be the popcount, and Intel since Ice Lake the same (popcount
// on port 5, the others on 0 and 5): 1.5 cycles, 341 MAC a cycle. This rate is the bound B.
#include <immintrin.h>

#include "probe.h"

namespace bnn::roofline {
namespace {

template <int kRows, int kVectors>
void run(const Operands& operands, std::ptrdiff_t passes) {
  static_assert(kRows <= kMaxRows && kVectors <= kMaxVectors);
  __m512i ones_u64x8[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) ones_u64x8[r][v] = _mm512_setzero_si512();
  }
  for (std::ptrdiff_t pass = 0; pass < passes; ++pass) {
    const std::uint64_t* x = operands.rows;
    const std::uint64_t* w = operands.weights;
    for (std::ptrdiff_t k = 0; k < kWords; ++k, ++x, w += kMaxLanes) {
      __m512i w_u64x8[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) w_u64x8[v] = _mm512_load_si512(w + v * kWords * kMaxLanes);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const __m512i x_u64x8 = _mm512_set1_epi64(static_cast<long long>(x[r * kWords]));
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          ones_u64x8[r][v] = _mm512_add_epi64(
              ones_u64x8[r][v], _mm512_popcnt_epi64(_mm512_xor_si512(x_u64x8, w_u64x8[v])));
        }
      }
    }
  }
  auto* sink = static_cast<__m512i*>(operands.sink);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) _mm512_store_si512(sink++, ones_u64x8[r][v]);
  }
}

template <int kRows, int kVectors>
constexpr Probe probe(const char* tile) {
  return {tile, 512.0 * kRows * kVectors * kWords, run<kRows, kVectors>};
}

// Rows × vectors of eight channels.
constexpr Probe kProbes[] = {probe<2, 4>("2x4"), probe<4, 4>("4x4"), probe<6, 4>("6x4"),
                             probe<8, 2>("8x2"), probe<14, 2>("14x2")};

}  // namespace

Probes binary_avx512_vpopcntdq() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace bnn::roofline
