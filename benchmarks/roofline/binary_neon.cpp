// Popcount of bytes (cnt); byte sums, at most 8 a word, are widened before 31 words fill them.
#include <arm_neon.h>

#include "probe.h"

namespace bnn::roofline {
namespace {

constexpr int kLanes = 2;                       // u64x2
constexpr std::ptrdiff_t kWordsUntilFull = 30;  // 30 · 8 = 240 < 256
static_assert(kWords % kWordsUntilFull == 0);

template <int kRows, int kVectors>
void run(const Operands& operands, std::ptrdiff_t passes) {
  static_assert(kRows <= kMaxRows && kVectors <= kMaxVectors);
  auto* sink = static_cast<std::uint16_t*>(operands.sink);
  for (std::ptrdiff_t pass = 0; pass < passes; ++pass) {
    for (std::ptrdiff_t first = 0; first < kWords; first += kWordsUntilFull) {
      uint8x16_t ones_u8x16[kRows][kVectors];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) ones_u8x16[r][v] = vdupq_n_u8(0);
      }
      const std::uint64_t* x = operands.rows + first;
      const std::uint64_t* w = operands.weights + first * kLanes;
      for (std::ptrdiff_t k = 0; k < kWordsUntilFull; ++k, ++x, w += kLanes) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          const uint64x2_t w_u64x2 = vld1q_u64(w + v * kWords * kLanes);
#pragma GCC unroll 8
          for (int r = 0; r < kRows; ++r) {
            const uint64x2_t differing = veorq_u64(vld1q_dup_u64(x + r * kWords), w_u64x2);
            ones_u8x16[r][v] =
                vaddq_u8(ones_u8x16[r][v], vcntq_u8(vreinterpretq_u8_u64(differing)));
          }
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          std::uint16_t* sum = sink + (r * kVectors + v) * 8;
          vst1q_u16(sum, vpadalq_u8(vld1q_u16(sum), ones_u8x16[r][v]));
        }
      }
    }
  }
}

template <int kRows, int kVectors>
constexpr Probe probe(const char* tile) {
  return {tile, 128.0 * kRows * kVectors * kWords, run<kRows, kVectors>};
}

// Rows × vectors of two channels.
constexpr Probe kProbes[] = {probe<2, 4>("2x4"), probe<4, 2>("4x2"), probe<4, 4>("4x4"),
                             probe<6, 3>("6x3")};

}  // namespace

Probes binary_neon() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace bnn::roofline
