// What the portable kernels can reach: a multiplication and an addition, vectorised as the
// compiler's default target allows.
#include "probe.h"

namespace bnn::roofline {
namespace {

constexpr int kChains = 48;
constexpr int kStepsPerPass = 16;

// acc · 0.5 + 1 tends to 2: no overflow and no subnormal numbers, however often.
void run(const Operands& operands, std::ptrdiff_t passes) {
  auto* sink = static_cast<float*>(operands.sink);
  const float a = 0.5f;
  const float b = 1.0f;
  // From memory: of chains that start alike the compiler would compute only one.
  const auto* start = reinterpret_cast<const float*>(operands.weights);
  float acc[kChains];
  for (int i = 0; i < kChains; ++i) acc[i] = start[i];
  for (std::ptrdiff_t step = 0; step < passes * kStepsPerPass; ++step) {
#pragma GCC unroll 48
    for (int i = 0; i < kChains; ++i) acc[i] = acc[i] * a + b;
  }
  for (int i = 0; i < kChains; ++i) sink[i] = acc[i];
}

constexpr Probe kProbes[] = {{"48 chains", 1.0 * kChains * kStepsPerPass, run}};

}  // namespace

Probes float_generic() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace bnn::roofline
