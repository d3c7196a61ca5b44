#include <immintrin.h>

#include "kernels/transpose/strips.h"
#include "kernels/vectors/f32_avx512bw.h"

namespace bnn {
namespace {

struct Turn {
  // Four floats of each of the rows r, r + 4, r + 8, r + 12. Loading them by quarters leaves only
  // the transposition of 4 × 4 floats within quarters to shuffles, of which one a cycle is done.
  static __m512 quarters(const float* in, std::ptrdiff_t stride, std::ptrdiff_t r,
                         std::ptrdiff_t last) {
    const auto quarter = [=](std::ptrdiff_t row) {
      return _mm_loadu_ps(in + (row < last ? row : last) * stride);
    };
    __m512 x = _mm512_castps128_ps512(quarter(r));
    x = _mm512_mask_broadcast_f32x4(x, 0x00F0, quarter(r + 4));
    x = _mm512_mask_broadcast_f32x4(x, 0x0F00, quarter(r + 8));
    return _mm512_mask_broadcast_f32x4(x, 0xF000, quarter(r + 12));
  }

  static void columns(const float* in, std::ptrdiff_t stride, std::ptrdiff_t last,
                      __m512 (&out)[4]) {
    const __m512 row0 = quarters(in, stride, 0, last);
    const __m512 row1 = quarters(in, stride, 1, last);
    const __m512 row2 = quarters(in, stride, 2, last);
    const __m512 row3 = quarters(in, stride, 3, last);
    const __m512d low01 = _mm512_castps_pd(_mm512_unpacklo_ps(row0, row1));
    const __m512d high01 = _mm512_castps_pd(_mm512_unpackhi_ps(row0, row1));
    const __m512d low23 = _mm512_castps_pd(_mm512_unpacklo_ps(row2, row3));
    const __m512d high23 = _mm512_castps_pd(_mm512_unpackhi_ps(row2, row3));
    out[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(low01, low23));
    out[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low01, low23));
    out[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high01, high23));
    out[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high01, high23));
  }
};

}  // namespace

void transpose_f32_avx512bw(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t rows,
                            std::ptrdiff_t columns, float* out, std::ptrdiff_t out_stride) {
  transpose<F32, Turn>(in, in_stride, rows, columns, out, out_stride);
}

}  // namespace bnn
