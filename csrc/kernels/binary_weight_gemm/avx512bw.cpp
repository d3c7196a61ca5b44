#include <immintrin.h>

#include "kernels/binary_weight_gemm/binary_weight_gemm.h"

namespace bnn {
namespace {

constexpr int kLanes = 16;  // f32x16

struct Call {
  const float* input;
  std::ptrdiff_t row_stride;
  const Segment* segments;
  int segment_count;
  const std::uint16_t* weights;
  std::ptrdiff_t vector_stride;
  float* acc;
  std::ptrdiff_t acc_stride;
};

// Zero inputs are skipped: a chain that starts at +0 never becomes −0 (only −0 + −0 is), and adding
// ±0 to anything else changes no bit. Images are mostly background, so this often removes most of
// the work; where nothing is zero, the list of positions costs a few percent. It pays off for long
// runs only.
constexpr std::ptrdiff_t kSparseRun = 32;
constexpr std::ptrdiff_t kChunk = 512;  // positions listed at a time

// The list of a run too short to look for zeros in.
struct AllPositions {
  std::int32_t positions[kSparseRun];

  constexpr AllPositions() : positions() {
    for (int k = 0; k < kSparseRun; ++k) positions[k] = k;
  }
};
constexpr AllPositions kAllPositions;

// Lists the k < length (at most kChunk) at which any of `rows` rows is not ±0. Writes up to kLanes
// elements beyond the list.
[[gnu::noinline]] std::ptrdiff_t list_nonzero(const float* x, std::ptrdiff_t row_stride, int rows,
                                              std::ptrdiff_t length, std::int32_t* positions) {
  const __m512i iota_i32x16 =
      _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  std::ptrdiff_t count = 0;
  for (std::ptrdiff_t k = 0; k < length; k += kLanes) {
    const std::ptrdiff_t left = length - k;
    const __mmask16 lanes = static_cast<__mmask16>(left < kLanes ? (1u << left) - 1 : 0xFFFFu);
    __mmask16 nonzero = 0;
    for (int r = 0; r < rows; ++r) {
      const __m512 x_f32x16 = _mm512_maskz_loadu_ps(lanes, x + r * row_stride + k);
      nonzero |= _mm512_cmp_ps_mask(x_f32x16, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    }
    const __m512i position_i32x16 =
        _mm512_add_epi32(iota_i32x16, _mm512_set1_epi32(static_cast<int>(k)));
    _mm512_storeu_si512(positions + count, _mm512_maskz_compress_epi32(nonzero, position_i32x16));
    count += _mm_popcnt_u32(nonzero);
  }
  return count;
}

// +1 where the bit is 0, −1 where it is 1.
inline __m512 plus_minus_one(std::uint16_t bits) {
  return _mm512_mask_blend_ps(bits, _mm512_set1_ps(1.0f), _mm512_set1_ps(-1.0f));
}

// One k: its weights are expanded to ±1 once and used for every row; the FMA is then an exactly
// rounded addition of ±x.
template <int kRows, int kVectors>
inline void accumulate(const float* x, std::ptrdiff_t row_stride, const std::uint16_t* w,
                       std::ptrdiff_t vector_stride, __m512 (&sum_f32x16)[kRows][kVectors]) {
  __m512 w_f32x16[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) w_f32x16[v] = plus_minus_one(w[v * vector_stride]);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const __m512 x_f32x16 = _mm512_set1_ps(x[r * row_stride]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sum_f32x16[r][v] = _mm512_fmadd_ps(x_f32x16, w_f32x16[v], sum_f32x16[r][v]);
    }
  }
}

// kRows × kVectors sums stay in registers over all segments.
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
    const std::uint16_t* w = call.weights + call.segments[s].weight;
    const std::ptrdiff_t length = call.segments[s].length;
    for (std::ptrdiff_t k = 0; k < length; k += kChunk) {
      const std::ptrdiff_t left = length - k;
      std::ptrdiff_t count = left < kChunk ? left : kChunk;
      std::int32_t buffer[kChunk + kLanes];
      const std::int32_t* positions = kAllPositions.positions;
      if (count >= kSparseRun) {
        count = list_nonzero(x + k, row_stride, kRows, count, buffer);
        positions = buffer;
      }
      for (std::ptrdiff_t i = 0; i < count; ++i) {
        const std::ptrdiff_t at = k + positions[i];
        accumulate(x + at, row_stride, w + at, vector_stride, sum_f32x16);
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

void binary_weight_gemm_avx512bw(const float* input, std::ptrdiff_t row_stride, int rows,
                                 const Segment* segments, int segment_count,
                                 const std::uint16_t* weights, std::ptrdiff_t vector_stride,
                                 int vectors, float* acc, std::ptrdiff_t acc_stride) {
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
