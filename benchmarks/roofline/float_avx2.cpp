// Chains of 256-bit fused multiply-adds: the more of them run side by side, the less of its latency
// shows.
#include <immintrin.h>

#include "probe.h"

namespace bnn::roofline {
namespace {

constexpr int kStepsPerPass = 16;

// acc · 0.5 + 1 tends to 2: no overflow and no subnormal numbers, however often.
template <int kChains>
void run(const Operands& operands, std::ptrdiff_t passes) {
  const __m256 half = _mm256_set1_ps(0.5f);
  const __m256 one = _mm256_set1_ps(1.0f);
  __m256 acc[kChains];
  // From memory: of chains that start alike the compiler would compute only one.
  const auto* start = reinterpret_cast<const float*>(operands.weights);
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) acc[i] = _mm256_load_ps(start + i * 8);
  for (std::ptrdiff_t step = 0; step < passes * kStepsPerPass; ++step) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) acc[i] = _mm256_fmadd_ps(acc[i], half, one);
  }
  auto* sink = static_cast<float*>(operands.sink);
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) _mm256_store_ps(sink + i * 8, acc[i]);
}

template <int kChains>
constexpr Probe probe(const char* tile) {
  return {tile, 8.0 * kChains * kStepsPerPass, run<kChains>};
}

constexpr Probe kProbes[] = {probe<10>("10 chains"), probe<12>("12 chains")};

}  // namespace

Probes float_avx2() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace bnn::roofline
