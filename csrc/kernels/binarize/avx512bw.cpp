#include <immintrin.h>

#include "kernels/binarize/binarize.h"
#include "kernels/binarize/planes.h"
#include "kernels/vectors/pixels_avx512bw.h"

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

// Bits of one to four vectors of channels, `channels` in all, for every row. The bounds stay in
// registers: loading them again for every row would take twice as long as loading x.
template <int kVectors, class T>
void column(const T* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows, std::ptrdiff_t channels,
            const T* lower, const T* upper, bool inverted, std::uint8_t* out,
            std::ptrdiff_t out_stride_bytes) {
  using Vector = decltype(load(x));
  constexpr std::ptrdiff_t kLast = (kVectors - 1) * kLanes;
  const std::ptrdiff_t bytes = (channels + 7) / 8;
  const __mmask16 last_lanes = static_cast<__mmask16>((1u << (channels - kLast)) - 1);
  // bit = inside xor flip
  const std::uint64_t flip = inverted ? 0 : ~std::uint64_t{0} >> (64 - channels);
  Vector low[kVectors];
  Vector high[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    low[v] = load(lower + v * kLanes);
    high[v] = load(upper + v * kLanes);
  }
  for (std::ptrdiff_t p = 0; p < rows; ++p, x += row_stride, out += out_stride_bytes) {
    std::uint64_t bits = 0;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors - 1; ++v) {
      bits |= std::uint64_t{inside(load(x + v * kLanes), low[v], high[v])} << (v * kLanes);
    }
    bits |=
        std::uint64_t{inside(load(x + kLast, last_lanes), low[kVectors - 1], high[kVectors - 1]) &
                      last_lanes}
        << kLast;
    bits ^= flip;
    // The low `bytes` bytes, low byte first.
    if (bytes == 8) {
      __builtin_memcpy(out, &bits, 8);
    } else if (bytes == 4) {
      __builtin_memcpy(out, &bits, 4);
    } else {
      for (std::ptrdiff_t b = 0; b < bytes; ++b)
        out[b] = static_cast<std::uint8_t>(bits >> (8 * b));
    }
  }
}

template <class T>
void binarize(const T* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows, std::ptrdiff_t channels,
              const T* lower, const T* upper, bool inverted, std::uint8_t* out,
              std::ptrdiff_t out_stride_bytes) {
  constexpr std::ptrdiff_t kColumn = 4 * kLanes;
  using ColumnFn = void (*)(const T*, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, const T*,
                            const T*, bool, std::uint8_t*, std::ptrdiff_t);
  constexpr ColumnFn kColumns[] = {column<1, T>, column<2, T>, column<3, T>, column<4, T>};
  for (std::ptrdiff_t c = 0; c < channels; c += kColumn) {
    const std::ptrdiff_t width = channels - c < kColumn ? channels - c : kColumn;
    kColumns[(width - 1) / kLanes](x + c, row_stride, rows, width, lower + c, upper + c, inverted,
                                   out + c / 8, out_stride_bytes);
  }
}

}  // namespace

void binarize_f32_avx512bw(const float* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                           std::ptrdiff_t channels, const float* lower, const float* upper,
                           bool inverted, std::uint8_t* out, std::ptrdiff_t out_stride_bytes) {
  binarize(x, row_stride, rows, channels, lower, upper, inverted, out, out_stride_bytes);
}

void binarize_i32_avx512bw(const std::int32_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                           std::ptrdiff_t channels, const std::int32_t* lower,
                           const std::int32_t* upper, bool inverted, std::uint8_t* out,
                           std::ptrdiff_t out_stride_bytes) {
  binarize(x, row_stride, rows, channels, lower, upper, inverted, out, out_stride_bytes);
}

void binarize_planar_f32_avx512bw(const float* x, std::ptrdiff_t plane_stride,
                                  std::ptrdiff_t pixels, std::ptrdiff_t channels,
                                  const float* lower, const float* upper,
                                  std::ptrdiff_t bound_stride, bool inverted, std::uint64_t* out) {
  binarize_planar<Pixels>(x, plane_stride, pixels, channels, lower, upper, bound_stride, inverted,
                          out);
}

}  // namespace bnn
