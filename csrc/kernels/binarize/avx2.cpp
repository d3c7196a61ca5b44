#include <immintrin.h>

#include "kernels/binarize/binarize.h"
#include "kernels/binarize/planes.h"
#include "kernels/vectors/pixels_avx2.h"

namespace bnn {
namespace {

constexpr std::ptrdiff_t kLanes = 8;  // x32x8: one output byte

// Lanes below `count` set: a masked load does not touch the others.
inline __m256i first_lanes(std::ptrdiff_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline __m256i load(const std::int32_t* x) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
}
inline __m256i load(const std::int32_t* x, __m256i lanes) {
  return _mm256_maskload_epi32(x, lanes);
}
inline __m256 load(const float* x) { return _mm256_loadu_ps(x); }
inline __m256 load(const float* x, __m256i lanes) { return _mm256_maskload_ps(x, lanes); }

// Bit l: lane l lies inside its interval. NaN compares false, hence outside.
inline unsigned inside(__m256 x, __m256 lower, __m256 upper) {
  return static_cast<unsigned>(_mm256_movemask_ps(
      _mm256_and_ps(_mm256_cmp_ps(lower, x, _CMP_LE_OQ), _mm256_cmp_ps(x, upper, _CMP_LE_OQ))));
}
inline unsigned inside(__m256i x, __m256i lower, __m256i upper) {
  const __m256i outside =
      _mm256_or_si256(_mm256_cmpgt_epi32(lower, x), _mm256_cmpgt_epi32(x, upper));
  return ~static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(outside))) & 0xFFu;
}

// 32 channels of every row. Their bounds stay in registers, where GCC keeps them only in a function
// of its own: loading them again for every row would take twice as long as loading x.
template <class T>
[[gnu::noinline]] void column(const T* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                              const T* lower, const T* upper, bool inverted, std::uint8_t* out,
                              std::ptrdiff_t out_stride_bytes) {
  using Vector = decltype(load(x));
  const std::uint32_t flip = inverted ? 0 : ~std::uint32_t{0};  // bit = inside xor flip
  Vector low[4];
  Vector high[4];
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    low[v] = load(lower + v * kLanes);
    high[v] = load(upper + v * kLanes);
  }
  for (std::ptrdiff_t p = 0; p < rows; ++p, x += row_stride, out += out_stride_bytes) {
    std::uint32_t bits = flip;
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      bits ^= std::uint32_t{inside(load(x + v * kLanes), low[v], high[v])} << (v * kLanes);
    }
    __builtin_memcpy(out, &bits, 4);
  }
}

template <class T>
void binarize(const T* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows, std::ptrdiff_t channels,
              const T* lower, const T* upper, bool inverted, std::uint8_t* out,
              std::ptrdiff_t out_stride_bytes) {
  constexpr std::ptrdiff_t kColumn = 4 * kLanes;
  constexpr std::ptrdiff_t kRows = 32;  // whose lines stay in L1 until the next columns read on
  // A column pays from a few rows on.
  const std::ptrdiff_t columns = rows < 4 ? 0 : channels / kColumn * kColumn;
  for (std::ptrdiff_t p = 0; p < rows && columns != 0; p += kRows) {
    const std::ptrdiff_t count = rows - p < kRows ? rows - p : kRows;
    for (std::ptrdiff_t c = 0; c < columns; c += kColumn) {
      column(x + p * row_stride + c, row_stride, count, lower + c, upper + c, inverted,
             out + p * out_stride_bytes + c / 8, out_stride_bytes);
    }
  }
  x += columns;
  lower += columns;
  upper += columns;
  out += columns / 8;
  channels -= columns;
  if (channels == 0) return;
  const unsigned flip = inverted ? 0 : 0xFF;  // bit = inside xor flip
  const std::ptrdiff_t full = channels / kLanes * kLanes;
  const std::ptrdiff_t tail = channels - full;
  const __m256i tail_lanes = first_lanes(tail);
  const unsigned tail_bits = (1u << tail) - 1;
  for (std::ptrdiff_t p = 0; p < rows; ++p) {
    const T* row = x + p * row_stride;
    std::uint8_t* out_row = out + p * out_stride_bytes;
    for (std::ptrdiff_t c = 0; c < full; c += kLanes) {
      const unsigned bits = inside(load(row + c), load(lower + c), load(upper + c));
      out_row[c / 8] = static_cast<std::uint8_t>(bits ^ flip);
    }
    if (tail != 0) {
      const unsigned bits =
          inside(load(row + full, tail_lanes), load(lower + full), load(upper + full));
      out_row[full / 8] = static_cast<std::uint8_t>((bits ^ flip) & tail_bits);
    }
  }
}

}  // namespace

void binarize_f32_avx2(const float* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                       std::ptrdiff_t channels, const float* lower, const float* upper,
                       bool inverted, std::uint8_t* out, std::ptrdiff_t out_stride_bytes) {
  binarize(x, row_stride, rows, channels, lower, upper, inverted, out, out_stride_bytes);
}

void binarize_i32_avx2(const std::int32_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                       std::ptrdiff_t channels, const std::int32_t* lower,
                       const std::int32_t* upper, bool inverted, std::uint8_t* out,
                       std::ptrdiff_t out_stride_bytes) {
  binarize(x, row_stride, rows, channels, lower, upper, inverted, out, out_stride_bytes);
}

void binarize_planar_f32_avx2(const float* x, std::ptrdiff_t plane_stride, std::ptrdiff_t pixels,
                              std::ptrdiff_t channels, const float* lower, const float* upper,
                              std::ptrdiff_t bound_stride, bool inverted, std::uint64_t* out) {
  binarize_planar<Pixels>(x, plane_stride, pixels, channels, lower, upper, bound_stride, inverted,
                          out);
}

}  // namespace bnn
