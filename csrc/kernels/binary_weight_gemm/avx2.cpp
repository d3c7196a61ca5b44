#include <immintrin.h>

#include "kernels/binary_weight_gemm/binary_weight_gemm.h"

namespace bnn {
namespace {

constexpr int kLanes = 8;  // f32x8

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

// Every lane mask as eight factors: +1 where the bit is 0, −1 where it is 1. Loads are the only
// port that the multiply-adds leave free; computing the factors costs a third of the throughput.
struct PlusMinusOne {
  alignas(32) float factors[256][kLanes];

  constexpr PlusMinusOne() : factors() {
    for (int bits = 0; bits < 256; ++bits) {
      for (int l = 0; l < kLanes; ++l) factors[bits][l] = ((bits >> l) & 1) != 0 ? -1.0f : 1.0f;
    }
  }
};
constexpr PlusMinusOne kPlusMinusOne;

// Zero inputs are skipped: a chain that starts at +0 never becomes −0 (only −0 + −0 is), and adding
// ±0 to anything else changes no bit. Images are mostly background, so this often removes most of
// the work; where nothing is zero, the list of positions costs little. It pays off for long runs
// only.
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

// For every mask of eight bits the numbers of its ones, in order.
struct PositionsOfOnes {
  std::uint8_t positions[256][8];

  constexpr PositionsOfOnes() : positions() {
    for (int mask = 0; mask < 256; ++mask) {
      int count = 0;
      for (int bit = 0; bit < 8; ++bit) {
        if (((mask >> bit) & 1) != 0) positions[mask][count++] = static_cast<std::uint8_t>(bit);
      }
    }
  }
};
constexpr PositionsOfOnes kPositionsOfOnes;

// Lists the k < length (at most kChunk) at which any of `rows` rows is not ±0, without branches:
// which inputs are zero cannot be predicted. Writes up to kLanes − 1 elements beyond the list.
[[gnu::noinline]] std::ptrdiff_t list_nonzero(const float* x, std::ptrdiff_t row_stride, int rows,
                                              std::ptrdiff_t length, std::int32_t* positions) {
  std::ptrdiff_t count = 0;
  std::ptrdiff_t k = 0;
  for (; k + kLanes <= length; k += kLanes) {
    __m256 nonzero = _mm256_setzero_ps();
    for (int r = 0; r < rows; ++r) {
      const __m256 x_f32x8 = _mm256_loadu_ps(x + r * row_stride + k);
      nonzero = _mm256_or_ps(nonzero, _mm256_cmp_ps(x_f32x8, _mm256_setzero_ps(), _CMP_NEQ_UQ));
    }
    const int mask = _mm256_movemask_ps(nonzero);
    const __m128i ones_u8x8 =
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kPositionsOfOnes.positions[mask]));
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(positions + count),
        _mm256_add_epi32(_mm256_cvtepu8_epi32(ones_u8x8), _mm256_set1_epi32(static_cast<int>(k))));
    count += _mm_popcnt_u32(static_cast<unsigned>(mask));
  }
  for (; k < length; ++k) positions[count++] = static_cast<std::int32_t>(k);
  return count;
}

// One k: its weights are loaded as ±1 once and used for every row; the FMA is then an exactly
// rounded addition of ±x.
template <int kRows, int kVectors>
inline void accumulate(const float* x, std::ptrdiff_t row_stride, const std::uint16_t* w,
                       std::ptrdiff_t vector_stride, __m256 (&sum_f32x8)[kRows][kVectors]) {
  __m256 w_f32x8[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    w_f32x8[v] = _mm256_load_ps(kPlusMinusOne.factors[w[v * vector_stride] & 0xFF]);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const __m256 x_f32x8 = _mm256_set1_ps(x[r * row_stride]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sum_f32x8[r][v] = _mm256_fmadd_ps(x_f32x8, w_f32x8[v], sum_f32x8[r][v]);
    }
  }
}

// kRows × kVectors sums stay in registers over all segments.
template <int kRows, int kVectors>
void tile(const Call& call, int first_row) {
  __m256 sum_f32x8[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum_f32x8[r][v] = _mm256_setzero_ps();
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
        accumulate(x + at, row_stride, w + at, vector_stride, sum_f32x8);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    float* out = call.acc + (first_row + r) * call.acc_stride;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) _mm256_storeu_ps(out + v * kLanes, sum_f32x8[r][v]);
  }
}

using TileFn = void (*)(const Call&, int);

// Tiles by vectors and rows. Taller and narrower than the float kernel's: rows share the look-up.
constexpr int kMaxTileRows[kMaxVectors] = {8, 6, 2, 2};
constexpr TileFn kTiles[kMaxVectors][8] = {
    {tile<1, 1>, tile<2, 1>, tile<3, 1>, tile<4, 1>, tile<5, 1>, tile<6, 1>, tile<7, 1>,
     tile<8, 1>},
    {tile<1, 2>, tile<2, 2>, tile<3, 2>, tile<4, 2>, tile<5, 2>, tile<6, 2>},
    {tile<1, 3>, tile<2, 3>},
    {tile<1, 4>, tile<2, 4>},
};

// `vectors` vectors of all rows, in tiles of nearly equal height.
void sweep(const Call& call, int rows, int vectors) {
  const int max_rows = kMaxTileRows[vectors - 1];
  int row = 0;
  for (int tiles = (rows + max_rows - 1) / max_rows; tiles > 0; --tiles) {
    const int height = (rows - row + tiles - 1) / tiles;
    kTiles[vectors - 1][height - 1](call, row);
    row += height;
  }
}

}  // namespace

void binary_weight_gemm_avx2(const float* input, std::ptrdiff_t row_stride, int rows,
                             const Segment* segments, int segment_count,
                             const std::uint16_t* weights, std::ptrdiff_t vector_stride,
                             int vectors, float* acc, std::ptrdiff_t acc_stride) {
  Call call{input, row_stride, segments, segment_count, weights, vector_stride, acc, acc_stride};
  // One or two rows need the independent sums of four vectors; more are faster two vectors at a
  // time.
  const int step = rows <= 2 ? kMaxVectors : 2;
  for (int v = 0; v < vectors; v += step) {
    call.weights = weights + v * vector_stride;
    call.acc = acc + v * kLanes;
    sweep(call, rows, vectors - v < step ? vectors - v : step);
  }
}

}  // namespace bnn
