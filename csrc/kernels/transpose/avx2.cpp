#include <immintrin.h>

#include "kernels/transpose/blocks.h"
#include "kernels/vectors/f32_avx2.h"

namespace bnn {
namespace {

struct Block {
  // Four floats of each of the rows r, r + 4. Loading them by halves leaves only the transposition
  // of 4 × 4 floats within halves to shuffles.
  static __m256 halves(const float* in, std::ptrdiff_t stride) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(in)),
                                _mm_loadu_ps(in + 4 * stride), 1);
  }

  static void transpose(const float* in, std::ptrdiff_t in_stride, float* out,
                        std::ptrdiff_t out_stride) {
#pragma GCC unroll 2
    for (int c = 0; c < 8; c += 4) {
      const __m256 a = halves(in + c, in_stride);
      const __m256 b = halves(in + c + in_stride, in_stride);
      const __m256 d = halves(in + c + 2 * in_stride, in_stride);
      const __m256 e = halves(in + c + 3 * in_stride, in_stride);
      const __m256d ab_low = _mm256_castps_pd(_mm256_unpacklo_ps(a, b));
      const __m256d ab_high = _mm256_castps_pd(_mm256_unpackhi_ps(a, b));
      const __m256d de_low = _mm256_castps_pd(_mm256_unpacklo_ps(d, e));
      const __m256d de_high = _mm256_castps_pd(_mm256_unpackhi_ps(d, e));
      float* row = out + c * out_stride;
      store(row, _mm256_unpacklo_pd(ab_low, de_low));
      store(row + out_stride, _mm256_unpackhi_pd(ab_low, de_low));
      store(row + 2 * out_stride, _mm256_unpacklo_pd(ab_high, de_high));
      store(row + 3 * out_stride, _mm256_unpackhi_pd(ab_high, de_high));
    }
  }

 private:
  static void store(float* out, __m256d y) { _mm256_storeu_ps(out, _mm256_castpd_ps(y)); }
};

}  // namespace

void transpose_f32_avx2(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t rows,
                        std::ptrdiff_t columns, float* out, std::ptrdiff_t out_stride) {
  transpose<F32, Block>(in, in_stride, rows, columns, out, out_stride);
}

}  // namespace bnn
