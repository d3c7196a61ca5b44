// Chains of 128-bit fused multiply-adds: the more of them run side by side, the less of its latency
// shows.
#include <arm_neon.h>

#include "probe.h"

namespace bnn::roofline {
namespace {

constexpr int kStepsPerPass = 16;

// acc · 0.5 + 1 tends to 2: no overflow and no subnormal numbers, however often.
template <int kChains>
void run(const Operands& operands, std::ptrdiff_t passes) {
  const float32x4_t half = vdupq_n_f32(0.5f);
  const float32x4_t one = vdupq_n_f32(1.0f);
  float32x4_t acc[kChains];
  // From memory: of chains that start alike the compiler would compute only one.
  const auto* start = reinterpret_cast<const float*>(operands.weights);
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) acc[i] = vld1q_f32(start + i * 4);
  for (std::ptrdiff_t step = 0; step < passes * kStepsPerPass; ++step) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) acc[i] = vfmaq_f32(one, acc[i], half);
  }
  auto* sink = static_cast<float*>(operands.sink);
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) vst1q_f32(sink + i * 4, acc[i]);
}

template <int kChains>
constexpr Probe probe(const char* tile) {
  return {tile, 4.0 * kChains * kStepsPerPass, run<kChains>};
}

constexpr Probe kProbes[] = {probe<10>("10 chains"), probe<12>("12 chains"), probe<16>("16 chains"),
                             probe<24>("24 chains")};

}  // namespace

Probes float_neon() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace bnn::roofline
