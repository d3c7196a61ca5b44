#include "kernels/binary_weight_gemm/binary_weight_gemm.h"
#include "kernels/binary_weight_gemm/nonzero.h"
#include "kernels/binary_weight_gemm/plus_minus_one.h"
#include "kernels/positions_of_ones.h"
#include "kernels/vectors/f32_avx2.h"

namespace bnn {
namespace {

struct Tiles : BinaryWeights<F32> {
  using Walk = NonzeroElements;
  // Taller and narrower than the float kernel's: rows share the look-up.
  static constexpr int kMaxRows[kMaxVectors] = {8, 6, 2, 2};
  template <int kRows, int kVectors>
  static void tile(const Call& call, int first_row) {
    float_tile<Tiles, kRows, kVectors>(call, first_row);
  }

  // Loads are the only port that the multiply-adds leave free; computing the factors costs a third
  // of the throughput.
  static Vector weights(const std::uint16_t* w) {
    return _mm256_load_ps(kPlusMinusOne<kLanes>.factors[*w & 0xFF]);
  }

  // Lists the k < length (at most kChunk) at which any of `rows` rows is not ±0, without branches:
  // which inputs are zero cannot be predicted. Writes up to kLanes − 1 elements beyond the list.
  [[gnu::noinline]] static std::ptrdiff_t list_nonzero(const float* x, std::ptrdiff_t row_stride,
                                                       int rows, std::ptrdiff_t length,
                                                       std::int32_t* positions) {
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
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(positions + count),
                          _mm256_add_epi32(_mm256_cvtepu8_epi32(ones_u8x8),
                                           _mm256_set1_epi32(static_cast<int>(k))));
      count += _mm_popcnt_u32(static_cast<unsigned>(mask));
    }
    for (; k < length; ++k) positions[count++] = static_cast<std::int32_t>(k);
    return count;
  }
};

}  // namespace

void binary_weight_gemm_avx2(const float* input, std::ptrdiff_t row_stride, int rows,
                             const Segment* segments, int segment_count,
                             const std::uint16_t* weights, std::ptrdiff_t vector_stride,
                             int vectors, float* acc, std::ptrdiff_t acc_stride) {
  // One or two rows need the independent sums of four vectors; more are faster two vectors at a
  // time.
  const int step = rows <= 2 ? kMaxVectors : 2;
  sweep_in_steps<Tiles>(
      Call{input, row_stride, segments, segment_count, weights, vector_stride, acc, acc_stride},
      rows, vectors, step);
}

}  // namespace bnn
