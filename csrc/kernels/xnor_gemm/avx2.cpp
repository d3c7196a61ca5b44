#include <immintrin.h>

#include "kernels/xnor_gemm/xnor_gemm.h"

namespace bnn {
namespace {

constexpr int kLanes = 4;  // u64x4

// A word adds at most 8 to each byte of a byte-wise popcount, so 31 words fit in a byte.
constexpr std::ptrdiff_t kWordsPerFlush = 31;

struct Call {
  const std::uint64_t* input;
  std::ptrdiff_t row_stride;
  const Segment* segments;
  int segment_count;
  const std::uint64_t* weights;
  std::ptrdiff_t vector_stride;
  std::int32_t valid;
  std::int32_t* acc;
  std::ptrdiff_t acc_stride;
};

// The number of ones of each byte, by table look-up of its two nibbles.
inline __m256i popcount_u8x32(__m256i x) {
  const __m256i table_u8x32 =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m256i nibble_u8x32 = _mm256_set1_epi8(0x0F);
  const __m256i low = _mm256_and_si256(x, nibble_u8x32);
  const __m256i high = _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble_u8x32);
  return _mm256_add_epi8(_mm256_shuffle_epi8(table_u8x32, low),
                         _mm256_shuffle_epi8(table_u8x32, high));
}

// kRows × kVectors byte-wise counts stay in registers; every 31 words they are added up (vpsadbw)
// into the 64-bit totals.
template <int kRows, int kVectors>
void tile(const Call& call, int first_row) {
  __m256i total_u64x4[kRows][kVectors];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) total_u64x4[r][v] = _mm256_setzero_si256();
  }
  const std::ptrdiff_t row_stride = call.row_stride;
  const std::ptrdiff_t vector_stride = call.vector_stride;
  const std::uint64_t* rows = call.input + first_row * row_stride;
  int s = 0;
  std::ptrdiff_t done = 0;  // words of segment s already counted
  while (s < call.segment_count) {
    __m256i ones_u8x32[kRows][kVectors];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) ones_u8x32[r][v] = _mm256_setzero_si256();
    }
    // Up to 31 words, from as many segments as that takes.
    std::ptrdiff_t room = kWordsPerFlush;
    while (s < call.segment_count && room > 0) {
      const std::uint64_t* x = rows + call.segments[s].input + done;
      const std::uint64_t* w = call.weights + (call.segments[s].weight + done) * kLanes;
      const std::ptrdiff_t left = call.segments[s].length - done;
      const std::ptrdiff_t words = left < room ? left : room;
      for (std::ptrdiff_t k = words; k > 0; --k, ++x, w += kLanes) {
        __m256i x_u64x4[kRows];
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          x_u64x4[r] = _mm256_set1_epi64x(static_cast<long long>(x[r * row_stride]));
        }
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          const __m256i w_u64x4 =
              _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + v * vector_stride));
#pragma GCC unroll 4
          for (int r = 0; r < kRows; ++r) {
            ones_u8x32[r][v] = _mm256_add_epi8(
                ones_u8x32[r][v], popcount_u8x32(_mm256_xor_si256(x_u64x4[r], w_u64x4)));
          }
        }
      }
      room -= words;
      if (words == left) {
        ++s;
        done = 0;
      } else {
        done += words;
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        total_u64x4[r][v] = _mm256_add_epi64(
            total_u64x4[r][v], _mm256_sad_epu8(ones_u8x32[r][v], _mm256_setzero_si256()));
      }
    }
  }
  const __m256i even_dwords = _mm256_setr_epi32(0, 2, 4, 6, 0, 0, 0, 0);
  const __m128i valid_i32x4 = _mm_set1_epi32(call.valid);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const __m128i ones_i32x4 =
          _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(total_u64x4[r][v], even_dwords));
      std::int32_t* out = call.acc + (first_row + r) * call.acc_stride + v * kLanes;
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                       _mm_sub_epi32(valid_i32x4, _mm_slli_epi32(ones_i32x4, 1)));
    }
  }
}

using TileFn = void (*)(const Call&, int);

constexpr int kMaxTileRows[kMaxVectors] = {4, 4, 2, 2};
constexpr TileFn kTiles[kMaxVectors][4] = {
    {tile<1, 1>, tile<2, 1>, tile<3, 1>, tile<4, 1>},
    {tile<1, 2>, tile<2, 2>, tile<3, 2>, tile<4, 2>},
    {tile<1, 3>, tile<2, 3>},
    {tile<1, 4>, tile<2, 4>},
};

}  // namespace

void xnor_gemm_avx2(const std::uint64_t* input, std::ptrdiff_t row_stride, int rows,
                    const Segment* segments, int segment_count, const std::uint64_t* weights,
                    std::ptrdiff_t vector_stride, int vectors, std::int32_t valid,
                    std::int32_t* acc, std::ptrdiff_t acc_stride) {
  const Call call{input,         row_stride, segments, segment_count, weights,
                  vector_stride, valid,      acc,      acc_stride};
  const int max_rows = kMaxTileRows[vectors - 1];
  int row = 0;
  for (int tiles = (rows + max_rows - 1) / max_rows; tiles > 0; --tiles) {
    const int height = (rows - row + tiles - 1) / tiles;
    kTiles[vectors - 1][height - 1](call, row);
    row += height;
  }
}

}  // namespace bnn
