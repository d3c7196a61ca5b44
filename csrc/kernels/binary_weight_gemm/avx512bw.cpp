#include "kernels/binary_weight_gemm/binary_weight_gemm.h"
#include "kernels/binary_weight_gemm/nonzero.h"
#include "kernels/binary_weight_gemm/plus_minus_one.h"
#include "kernels/vectors/f32_avx512bw.h"

namespace bnn {
namespace {

struct Tiles : BinaryWeights<F32> {
  using Walk = NonzeroElements;
  static constexpr int kMaxRows[kMaxVectors] = {8, 8, 8, 6};
  template <int kRows, int kVectors>
  static void tile(const Call& call, int first_row) {
    float_tile<Tiles, kRows, kVectors>(call, first_row);
  }

  static Vector weights(const std::uint16_t* w) {
    return _mm512_mask_blend_ps(*w, _mm512_set1_ps(1.0f), _mm512_set1_ps(-1.0f));
  }

  // Lists the k < length (at most kChunk) at which any of `rows` rows is not ±0. Writes up to
  // kLanes elements beyond the list.
  [[gnu::noinline]] static std::ptrdiff_t list_nonzero(const float* x, std::ptrdiff_t row_stride,
                                                       int rows, std::ptrdiff_t length,
                                                       std::int32_t* positions) {
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
};

}  // namespace

void binary_weight_gemm_avx512bw(const float* input, std::ptrdiff_t row_stride, int rows,
                                 const Segment* segments, int segment_count,
                                 const std::uint16_t* weights, std::ptrdiff_t vector_stride,
                                 int vectors, float* acc, std::ptrdiff_t acc_stride) {
  sweep<Tiles>(
      Call{input, row_stride, segments, segment_count, weights, vector_stride, acc, acc_stride},
      rows, vectors);
}

}  // namespace bnn
