// Loads and stores of 32 bytes.
#include <immintrin.h>

#include "probe.h"

namespace bnn::roofline {
namespace {

using Vector = __m256i;
constexpr std::ptrdiff_t kBytes = sizeof(Vector);

// kStreams positions of the buffer advance together: the levels below L1 may fetch several streams
// faster than one. Two sums for each, so that no addition waits for the one before.
template <int kStreams>
void read(const void* data, std::ptrdiff_t bytes, void* sink) {
  static_assert(kStreamGranule % (kStreams * 2 * kBytes) == 0);
  const auto* first = static_cast<const char*>(data);
  const std::ptrdiff_t share = bytes / kStreams;
  Vector sum[kStreams * 2];
#pragma GCC unroll 16
  for (int i = 0; i < kStreams * 2; ++i) sum[i] = _mm256_setzero_si256();
  for (std::ptrdiff_t at = 0; at < share; at += 2 * kBytes) {
#pragma GCC unroll 8
    for (int s = 0; s < kStreams; ++s) {
      const auto* v = reinterpret_cast<const Vector*>(first + s * share + at);
      sum[2 * s] = _mm256_or_si256(sum[2 * s], _mm256_load_si256(v));
      sum[2 * s + 1] = _mm256_or_si256(sum[2 * s + 1], _mm256_load_si256(v + 1));
    }
  }
  Vector all = _mm256_setzero_si256();
#pragma GCC unroll 16
  for (int i = 0; i < kStreams * 2; ++i) all = _mm256_or_si256(all, sum[i]);
  _mm256_store_si256(static_cast<Vector*>(sink), all);
}

void write(void* data, std::ptrdiff_t bytes) {
  static_assert(kStreamGranule % (4 * kBytes) == 0);
  const Vector value = _mm256_set1_epi8(0x55);
  auto* v = static_cast<Vector*>(data);
  for (std::ptrdiff_t left = bytes / kBytes; left > 0; left -= 4, v += 4) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) _mm256_store_si256(v + i, value);
  }
}

constexpr Stream kReads[] = {{"1 stream", read<1>}, {"2 streams", read<2>}, {"4 streams", read<4>}};

}  // namespace

Streams stream_avx2() { return {kReads, sizeof kReads / sizeof *kReads, write}; }

}  // namespace bnn::roofline
