#include <immintrin.h>

#include "kernels/transpose/strips.h"
#include "kernels/vectors/f32_avx2.h"

namespace bnn {
namespace {

struct Turn {
  // Four floats of each of the rows r, r + 4. Loading them by halves leaves only the transposition
  // of 4 × 4 floats within halves to shuffles.
  static __m256 halves(const float* in, std::ptrdiff_t stride, std::ptrdiff_t r,
                       std::ptrdiff_t last) {
    const auto half = [=](std::ptrdiff_t row) {
      return _mm_loadu_ps(in + (row < last ? row : last) * stride);
    };
    return _mm256_insertf128_ps(_mm256_castps128_ps256(half(r)), half(r + 4), 1);
  }

  static void columns(const float* in, std::ptrdiff_t stride, std::ptrdiff_t last,
                      __m256 (&out)[4]) {
    const __m256 row0 = halves(in, stride, 0, last);
    const __m256 row1 = halves(in, stride, 1, last);
    const __m256 row2 = halves(in, stride, 2, last);
    const __m256 row3 = halves(in, stride, 3, last);
    const __m256d low01 = _mm256_castps_pd(_mm256_unpacklo_ps(row0, row1));
    const __m256d high01 = _mm256_castps_pd(_mm256_unpackhi_ps(row0, row1));
    const __m256d low23 = _mm256_castps_pd(_mm256_unpacklo_ps(row2, row3));
    const __m256d high23 = _mm256_castps_pd(_mm256_unpackhi_ps(row2, row3));
    out[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(low01, low23));
    out[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low01, low23));
    out[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high01, high23));
    out[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high01, high23));
  }
};

}  // namespace

void transpose_f32_avx2(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t rows,
                        std::ptrdiff_t columns, float* out, std::ptrdiff_t out_stride) {
  transpose<F32, Turn>(in, in_stride, rows, columns, out, out_stride);
}

}  // namespace bnn
