#include <immintrin.h>

#include "kernels/binarize_bytes/binarize_bytes.h"
#include "kernels/binarize_bytes/vector_loop.h"

namespace bnn {
namespace {

template <class T>
struct Bytes {
  static constexpr std::ptrdiff_t kLanes = 32;
  static constexpr std::ptrdiff_t kTail = 8;
  static __m256i load(const T* x) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  }
  static __m256i load(const T* x, std::ptrdiff_t count) {
    return _mm256_zextsi128_si256(_mm_cvtsi64_si128(static_cast<long long>(first_bytes(x, count))));
  }
  static std::uint64_t inside(__m256i x, __m256i lower, __m256i upper) {
    constexpr bool kSigned = kIsSigned<T>;
    const __m256i raised = kSigned ? _mm256_max_epi8(x, lower) : _mm256_max_epu8(x, lower);
    const __m256i lowered = kSigned ? _mm256_min_epi8(x, upper) : _mm256_min_epu8(x, upper);
    // Neither bound moves what lies inside.
    const __m256i both =
        _mm256_and_si256(_mm256_cmpeq_epi8(x, raised), _mm256_cmpeq_epi8(x, lowered));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(both));
  }
};

}  // namespace

void binarize_u8_avx2(const std::uint8_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                      std::ptrdiff_t channels, const std::uint8_t* lower, const std::uint8_t* upper,
                      bool inverted, std::uint8_t* out, std::ptrdiff_t out_stride_bytes) {
  binarize<Bytes<std::uint8_t>>(x, row_stride, rows, channels, lower, upper, inverted, out,
                                out_stride_bytes);
}

void binarize_i8_avx2(const std::int8_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                      std::ptrdiff_t channels, const std::int8_t* lower, const std::int8_t* upper,
                      bool inverted, std::uint8_t* out, std::ptrdiff_t out_stride_bytes) {
  binarize<Bytes<std::int8_t>>(x, row_stride, rows, channels, lower, upper, inverted, out,
                               out_stride_bytes);
}

}  // namespace bnn
