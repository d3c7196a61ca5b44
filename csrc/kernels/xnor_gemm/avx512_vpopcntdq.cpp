#include <immintrin.h>

#include "kernels/xnor_gemm/xnor_gemm.h"

namespace bnn {
namespace {

constexpr int kLanes = 8;  // u64x8

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

// kRows × kVectors sums stay in registers over all segments; per word and sum one xor, one vpopcntq
// and one add, which is the machine's bound (3 operations per 512 products).
template <bool kDoubles, int kRows, int kVectors>
void tile(const Call& call, int first_row) {
  __m512i ones_u64x8[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) ones_u64x8[r][v] = _mm512_setzero_si512();
  }
  const std::ptrdiff_t row_stride = call.row_stride;
  const std::ptrdiff_t vector_stride = call.vector_stride;
  const std::uint64_t* rows = call.input + first_row * row_stride;
  for (int s = 0; s < call.segment_count; ++s) {
    if constexpr (kDoubles) {
      const __m128i doublings = _mm_cvtsi32_si128(call.segments[s].doublings);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          ones_u64x8[r][v] = _mm512_sll_epi64(ones_u64x8[r][v], doublings);
        }
      }
    }
    const std::uint64_t* x = rows + call.segments[s].input;
    const std::uint64_t* w = call.weights + call.segments[s].weight * kLanes;
    for (std::ptrdiff_t k = call.segments[s].length; k > 0; --k, ++x, w += kLanes) {
      __m512i w_u64x8[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) w_u64x8[v] = _mm512_loadu_si512(w + v * vector_stride);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const __m512i x_u64x8 = _mm512_set1_epi64(static_cast<long long>(x[r * row_stride]));
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          ones_u64x8[r][v] = _mm512_add_epi64(
              ones_u64x8[r][v], _mm512_popcnt_epi64(_mm512_xor_si512(x_u64x8, w_u64x8[v])));
        }
      }
    }
  }
  const __m256i valid_i32x8 = _mm256_set1_epi32(call.valid);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const __m256i ones_i32x8 = _mm512_cvtepi64_epi32(ones_u64x8[r][v]);
      std::int32_t* out = call.acc + (first_row + r) * call.acc_stride + v * kLanes;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                          _mm256_sub_epi32(valid_i32x8, _mm256_slli_epi32(ones_i32x8, 1)));
    }
  }
}

using TileFn = void (*)(const Call&, int);

// Tiles by vectors and rows: as many sums as the 32 registers hold beside weights and input.
constexpr int kMaxTileRows[kMaxVectors] = {8, 8, 6, 5};
template <bool kD>
constexpr TileFn kTiles[kMaxVectors][8] = {
    {tile<kD, 1, 1>, tile<kD, 2, 1>, tile<kD, 3, 1>, tile<kD, 4, 1>, tile<kD, 5, 1>, tile<kD, 6, 1>,
     tile<kD, 7, 1>, tile<kD, 8, 1>},
    {tile<kD, 1, 2>, tile<kD, 2, 2>, tile<kD, 3, 2>, tile<kD, 4, 2>, tile<kD, 5, 2>, tile<kD, 6, 2>,
     tile<kD, 7, 2>, tile<kD, 8, 2>},
    {tile<kD, 1, 3>, tile<kD, 2, 3>, tile<kD, 3, 3>, tile<kD, 4, 3>, tile<kD, 5, 3>,
     tile<kD, 6, 3>},
    {tile<kD, 1, 4>, tile<kD, 2, 4>, tile<kD, 3, 4>, tile<kD, 4, 4>, tile<kD, 5, 4>},
};

}  // namespace

void xnor_gemm_avx512_vpopcntdq(const std::uint64_t* input, std::ptrdiff_t row_stride, int rows,
                                const Segment* segments, int segment_count,
                                const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                                int vectors, std::int32_t valid, std::int32_t* acc,
                                std::ptrdiff_t acc_stride) {
  const Call call{input,         row_stride, segments, segment_count, weights,
                  vector_stride, valid,      acc,      acc_stride};
  bool doubles = false;
  for (int s = 0; s < segment_count; ++s) doubles |= segments[s].doublings > 0;
  const TileFn* tiles_by_rows = doubles ? kTiles<true>[vectors - 1] : kTiles<false>[vectors - 1];
  const int max_rows = kMaxTileRows[vectors - 1];
  // Tiles of nearly equal height: a tile of one or two rows would leave the units idle.
  int row = 0;
  for (int tiles = (rows + max_rows - 1) / max_rows; tiles > 0; --tiles) {
    const int height = (rows - row + tiles - 1) / tiles;
    tiles_by_rows[height - 1](call, row);
    row += height;
  }
}

}  // namespace bnn
