#include <immintrin.h>

#include "kernels/binarize/binarize.h"

namespace bnn {
namespace {

constexpr std::ptrdiff_t kLanes = 16;  // x32x16: two output bytes

inline __m512i load(const std::int32_t* x) { return _mm512_loadu_si512(x); }
inline __m512i load(const std::int32_t* x, __mmask16 lanes) {
  return _mm512_maskz_loadu_epi32(lanes, x);
}
inline __m512 load(const float* x) { return _mm512_loadu_ps(x); }
inline __m512 load(const float* x, __mmask16 lanes) { return _mm512_maskz_loadu_ps(lanes, x); }

// Bit l: lane l lies inside its interval. NaN compares false, hence outside.
inline unsigned inside(__m512 x, __m512 lower, __m512 upper) {
  return _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(lower, x, _CMP_LE_OQ), x, upper, _CMP_LE_OQ);
}
inline unsigned inside(__m512i x, __m512i lower, __m512i upper) {
  return _mm512_mask_cmple_epi32_mask(_mm512_cmple_epi32_mask(lower, x), x, upper);
}

// The low `bytes` (1 or 2) bytes of bits, low byte first.
inline void store(std::uint8_t* out, unsigned bits, std::ptrdiff_t bytes) {
  out[0] = static_cast<std::uint8_t>(bits);
  if (bytes == 2) out[1] = static_cast<std::uint8_t>(bits >> 8);
}

template <class T>
void binarize(const T* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows, std::ptrdiff_t channels,
              const T* lower, const T* upper, bool inverted, std::uint8_t* out,
              std::ptrdiff_t out_stride_bytes) {
  const unsigned flip = inverted ? 0 : 0xFFFF;  // bit = inside xor flip
  const std::ptrdiff_t full = channels / kLanes * kLanes;
  const std::ptrdiff_t tail = channels - full;
  const unsigned tail_bits = (1u << tail) - 1;
  for (std::ptrdiff_t p = 0; p < rows; ++p) {
    const T* row = x + p * row_stride;
    std::uint8_t* out_row = out + p * out_stride_bytes;
    for (std::ptrdiff_t c = 0; c < full; c += kLanes) {
      const unsigned bits = inside(load(row + c), load(lower + c), load(upper + c));
      store(out_row + c / 8, bits ^ flip, 2);
    }
    if (tail != 0) {
      const unsigned bits = inside(load(row + full, static_cast<__mmask16>(tail_bits)),
                                   load(lower + full), load(upper + full));
      store(out_row + full / 8, (bits ^ flip) & tail_bits, (tail + 7) / 8);
    }
  }
}

}  // namespace

void binarize_f32_avx512_vpopcntdq(const float* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                                   std::ptrdiff_t channels, const float* lower, const float* upper,
                                   bool inverted, std::uint8_t* out,
                                   std::ptrdiff_t out_stride_bytes) {
  binarize(x, row_stride, rows, channels, lower, upper, inverted, out, out_stride_bytes);
}

void binarize_i32_avx512_vpopcntdq(const std::int32_t* x, std::ptrdiff_t row_stride,
                                   std::ptrdiff_t rows, std::ptrdiff_t channels,
                                   const std::int32_t* lower, const std::int32_t* upper,
                                   bool inverted, std::uint8_t* out,
                                   std::ptrdiff_t out_stride_bytes) {
  binarize(x, row_stride, rows, channels, lower, upper, inverted, out, out_stride_bytes);
}

}  // namespace bnn
