#include <immintrin.h>

#include "kernels/f32_gemm/f32_gemm.h"

namespace bnn {
namespace {

constexpr int kLanes = 16;  // f32x16

struct Call {
  const float* input;
  std::ptrdiff_t row_stride;
  const Segment* segments;
  int segment_count;
  const float* weights;
  std::ptrdiff_t vector_stride;
  float* acc;
  std::ptrdiff_t acc_stride;
};

// kRows × kVectors sums stay in registers over all segments, each one chain of FMAs.
template <int kRows, int kVectors>
void tile(const Call& call, int first_row) {
  __m512 sum_f32x16[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum_f32x16[r][v] = _mm512_setzero_ps();
  }
  const std::ptrdiff_t row_stride = call.row_stride;
  const std::ptrdiff_t vector_stride = call.vector_stride;
  const float* rows = call.input + first_row * row_stride;
  for (int s = 0; s < call.segment_count; ++s) {
    const float* x = rows + call.segments[s].input;
    const float* w = call.weights + call.segments[s].weight * kLanes;
    for (std::ptrdiff_t k = call.segments[s].length; k > 0; --k, ++x, w += kLanes) {
      __m512 w_f32x16[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) w_f32x16[v] = _mm512_loadu_ps(w + v * vector_stride);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const __m512 x_f32x16 = _mm512_set1_ps(x[r * row_stride]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          sum_f32x16[r][v] = _mm512_fmadd_ps(x_f32x16, w_f32x16[v], sum_f32x16[r][v]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    float* out = call.acc + (first_row + r) * call.acc_stride;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) _mm512_storeu_ps(out + v * kLanes, sum_f32x16[r][v]);
  }
}

using TileFn = void (*)(const Call&, int);

// Tiles by vectors and rows: as many sums as the registers hold beside weights and input.
constexpr int kMaxTileRows[kMaxVectors] = {8, 8, 8, 6};
constexpr TileFn kTiles[kMaxVectors][8] = {
    {tile<1, 1>, tile<2, 1>, tile<3, 1>, tile<4, 1>, tile<5, 1>, tile<6, 1>, tile<7, 1>,
     tile<8, 1>},
    {tile<1, 2>, tile<2, 2>, tile<3, 2>, tile<4, 2>, tile<5, 2>, tile<6, 2>, tile<7, 2>,
     tile<8, 2>},
    {tile<1, 3>, tile<2, 3>, tile<3, 3>, tile<4, 3>, tile<5, 3>, tile<6, 3>, tile<7, 3>,
     tile<8, 3>},
    {tile<1, 4>, tile<2, 4>, tile<3, 4>, tile<4, 4>, tile<5, 4>, tile<6, 4>},
};

}  // namespace

void f32_gemm_avx512bw(const float* input, std::ptrdiff_t row_stride, int rows,
                       const Segment* segments, int segment_count, const float* weights,
                       std::ptrdiff_t vector_stride, int vectors, float* acc,
                       std::ptrdiff_t acc_stride) {
  const Call call{input,   row_stride,    segments, segment_count,
                  weights, vector_stride, acc,      acc_stride};
  const int max_rows = kMaxTileRows[vectors - 1];
  // Tiles of nearly equal height: a tile of one or two rows would leave the units idle.
  int row = 0;
  for (int tiles = (rows + max_rows - 1) / max_rows; tiles > 0; --tiles) {
    const int height = (rows - row + tiles - 1) / tiles;
    kTiles[vectors - 1][height - 1](call, row);
    row += height;
  }
}

}  // namespace bnn
