#include <immintrin.h>

#include "kernels/transpose/blocks.h"
#include "kernels/vectors/f32_avx512bw.h"

namespace bnn {
namespace {

struct Block {
  // Four floats of each of the rows r, r + 4, r + 8, r + 12. Loading them by quarters leaves only
  // the transposition of 4 × 4 floats within quarters to shuffles, of which one a cycle is done.
  static __m512 quarters(const float* in, std::ptrdiff_t stride) {
    const auto quarter = [in, stride](int r) { return _mm_loadu_ps(in + r * stride); };
    __m512 x = _mm512_castps128_ps512(quarter(0));
    x = _mm512_mask_broadcast_f32x4(x, 0x00F0, quarter(4));
    x = _mm512_mask_broadcast_f32x4(x, 0x0F00, quarter(8));
    return _mm512_mask_broadcast_f32x4(x, 0xF000, quarter(12));
  }

  static void transpose(const float* in, std::ptrdiff_t in_stride, float* out,
                        std::ptrdiff_t out_stride) {
#pragma GCC unroll 4
    for (int c = 0; c < 16; c += 4) {
      const __m512 a = quarters(in + c, in_stride);
      const __m512 b = quarters(in + c + in_stride, in_stride);
      const __m512 d = quarters(in + c + 2 * in_stride, in_stride);
      const __m512 e = quarters(in + c + 3 * in_stride, in_stride);
      const __m512d ab_low = _mm512_castps_pd(_mm512_unpacklo_ps(a, b));
      const __m512d ab_high = _mm512_castps_pd(_mm512_unpackhi_ps(a, b));
      const __m512d de_low = _mm512_castps_pd(_mm512_unpacklo_ps(d, e));
      const __m512d de_high = _mm512_castps_pd(_mm512_unpackhi_ps(d, e));
      float* row = out + c * out_stride;
      store(row, _mm512_unpacklo_pd(ab_low, de_low));
      store(row + out_stride, _mm512_unpackhi_pd(ab_low, de_low));
      store(row + 2 * out_stride, _mm512_unpacklo_pd(ab_high, de_high));
      store(row + 3 * out_stride, _mm512_unpackhi_pd(ab_high, de_high));
    }
  }

 private:
  static void store(float* out, __m512d y) { _mm512_storeu_ps(out, _mm512_castpd_ps(y)); }
};

}  // namespace

void transpose_f32_avx512bw(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t rows,
                            std::ptrdiff_t columns, float* out, std::ptrdiff_t out_stride) {
  transpose<F32, Block>(in, in_stride, rows, columns, out, out_stride);
}

}  // namespace bnn
