// What the portable kernels can reach: std::popcount as the compiler's default target has it.
#include <bit>

#include "probe.h"

namespace bnn::roofline {
namespace {

template <int kRows, int kChannels>
void run(const Operands& operands, std::ptrdiff_t passes) {
  std::uint64_t ones[kRows][kChannels] = {};
  for (std::ptrdiff_t pass = 0; pass < passes; ++pass) {
    for (std::ptrdiff_t k = 0; k < kWords; ++k) {
      for (int r = 0; r < kRows; ++r) {
        for (int c = 0; c < kChannels; ++c) {
          const std::uint64_t differing =
              operands.rows[r * kWords + k] ^ operands.weights[k * kMaxLanes + c];
          ones[r][c] += static_cast<std::uint64_t>(std::popcount(differing));
        }
      }
    }
  }
  auto* sink = static_cast<std::uint64_t*>(operands.sink);
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kChannels; ++c) sink[r * kChannels + c] = ones[r][c];
  }
}

template <int kRows, int kChannels>
constexpr Probe probe(const char* tile) {
  return {tile, 64.0 * kRows * kChannels * kWords, run<kRows, kChannels>};
}

constexpr Probe kProbes[] = {probe<2, 2>("2x2"), probe<2, 4>("2x4"), probe<1, 8>("1x8")};

}  // namespace

Probes binary_generic() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace bnn::roofline
