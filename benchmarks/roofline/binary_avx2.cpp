// Popcount of bytes by two table lookups of their halves (vpshufb). Byte sums, at most 8 a word,
// are widened before 31 words fill them.
#include <immintrin.h>

#include "probe.h"

namespace bnn::roofline {
namespace {

constexpr int kLanes = 4;                       // u64x4
constexpr std::ptrdiff_t kWordsUntilFull = 30;  // 30 · 8 = 240 < 256
static_assert(kWords % kWordsUntilFull == 0);

template <int kRows, int kVectors>
void run(const Operands& operands, std::ptrdiff_t passes) {
  static_assert(kRows <= kMaxRows && kVectors <= kMaxVectors);
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                          2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low_half = _mm256_set1_epi8(0x0F);
  auto* sink = static_cast<__m256i*>(operands.sink);
  for (std::ptrdiff_t pass = 0; pass < passes; ++pass) {
    for (std::ptrdiff_t first = 0; first < kWords; first += kWordsUntilFull) {
      __m256i ones_u8x32[kRows][kVectors];
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) ones_u8x32[r][v] = _mm256_setzero_si256();
      }
      const std::uint64_t* x = operands.rows + first;
      const std::uint64_t* w = operands.weights + first * kLanes;
      for (std::ptrdiff_t k = 0; k < kWordsUntilFull; ++k, ++x, w += kLanes) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          const __m256i w_u64x4 =
              _mm256_load_si256(reinterpret_cast<const __m256i*>(w + v * kWords * kLanes));
#pragma GCC unroll 4
          for (int r = 0; r < kRows; ++r) {
            const __m256i x_u64x4 = _mm256_set1_epi64x(static_cast<long long>(x[r * kWords]));
            const __m256i differing = _mm256_xor_si256(x_u64x4, w_u64x4);
            const __m256i low = _mm256_and_si256(differing, low_half);
            const __m256i high = _mm256_and_si256(_mm256_srli_epi16(differing, 4), low_half);
            const __m256i byte_ones = _mm256_add_epi8(_mm256_shuffle_epi8(counts, low),
                                                      _mm256_shuffle_epi8(counts, high));
            ones_u8x32[r][v] = _mm256_add_epi8(ones_u8x32[r][v], byte_ones);
          }
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          __m256i* sum = sink + r * kVectors + v;
          const __m256i ones_u64x4 = _mm256_sad_epu8(ones_u8x32[r][v], _mm256_setzero_si256());
          _mm256_store_si256(sum, _mm256_add_epi64(_mm256_load_si256(sum), ones_u64x4));
        }
      }
    }
  }
}

template <int kRows, int kVectors>
constexpr Probe probe(const char* tile) {
  return {tile, 256.0 * kRows * kVectors * kWords, run<kRows, kVectors>};
}

// Rows × vectors of four channels.
constexpr Probe kProbes[] = {probe<1, 4>("1x4"), probe<2, 2>("2x2"), probe<2, 3>("2x3"),
                             probe<4, 1>("4x1")};

}  // namespace

Probes binary_avx2() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace bnn::roofline
