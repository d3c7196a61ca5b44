#include <immintrin.h>

#include "kernels/binarize_bytes/binarize_bytes.h"
#include "kernels/binarize_bytes/vector_loop.h"

namespace bnn {
namespace {

template <class T>
struct Bytes {
  static constexpr std::ptrdiff_t kLanes = 64;
  static constexpr std::ptrdiff_t kTail = 64;
  static __m512i load(const T* x) { return _mm512_loadu_si512(x); }
  static __m512i load(const T* x, std::ptrdiff_t count) {
    return _mm512_maskz_loadu_epi8(~std::uint64_t{0} >> (64 - count), x);
  }
  static std::uint64_t inside(__m512i x, __m512i lower, __m512i upper) {
    if constexpr (kIsSigned<T>) {
      return _mm512_mask_cmple_epi8_mask(_mm512_cmple_epi8_mask(lower, x), x, upper);
    }
    return _mm512_mask_cmple_epu8_mask(_mm512_cmple_epu8_mask(lower, x), x, upper);
  }
};

}  // namespace

void binarize_u8_avx512bw(const std::uint8_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                          std::ptrdiff_t channels, const std::uint8_t* lower,
                          const std::uint8_t* upper, bool inverted, std::uint8_t* out,
                          std::ptrdiff_t out_stride_bytes) {
  binarize<Bytes<std::uint8_t>>(x, row_stride, rows, channels, lower, upper, inverted, out,
                                out_stride_bytes);
}

void binarize_i8_avx512bw(const std::int8_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                          std::ptrdiff_t channels, const std::int8_t* lower,
                          const std::int8_t* upper, bool inverted, std::uint8_t* out,
                          std::ptrdiff_t out_stride_bytes) {
  binarize<Bytes<std::int8_t>>(x, row_stride, rows, channels, lower, upper, inverted, out,
                               out_stride_bytes);
}

}  // namespace bnn
