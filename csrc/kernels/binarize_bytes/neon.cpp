#include <arm_neon.h>

#include <type_traits>

#include "kernels/binarize_bytes/binarize_bytes.h"
#include "kernels/binarize_bytes/vector_loop.h"

namespace bnn {
namespace {

inline uint8x16_t load_bytes(const std::uint8_t* x) { return vld1q_u8(x); }
inline int8x16_t load_bytes(const std::int8_t* x) { return vld1q_s8(x); }
inline uint8x16_t between(uint8x16_t x, uint8x16_t lower, uint8x16_t upper) {
  return vandq_u8(vcleq_u8(lower, x), vcleq_u8(x, upper));
}
inline uint8x16_t between(int8x16_t x, int8x16_t lower, int8x16_t upper) {
  return vandq_u8(vcleq_s8(lower, x), vcleq_s8(x, upper));
}

template <class T>
struct Bytes {
  static constexpr std::ptrdiff_t kLanes = 16;
  static constexpr std::ptrdiff_t kTail = 8;
  using Vector = std::conditional_t<kIsSigned<T>, int8x16_t, uint8x16_t>;
  static Vector load(const T* x) { return load_bytes(x); }
  static Vector load(const T* x, std::ptrdiff_t count) {
    const std::uint64_t bytes[2] = {first_bytes(x, count), 0};
    Vector vector;
    __builtin_memcpy(&vector, bytes, sizeof(vector));
    return vector;
  }
  static std::uint64_t inside(Vector x, Vector lower, Vector upper) {
    const uint8x16_t bit_of_lane = vreinterpretq_u8_u64(vdupq_n_u64(0x8040'2010'0804'0201u));
    const uint8x16_t bits = vandq_u8(between(x, lower, upper), bit_of_lane);
    return static_cast<std::uint64_t>(vaddv_u8(vget_low_u8(bits)) |
                                      (vaddv_u8(vget_high_u8(bits)) << 8));
  }
};

}  // namespace

void binarize_u8_neon(const std::uint8_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                      std::ptrdiff_t channels, const std::uint8_t* lower, const std::uint8_t* upper,
                      bool inverted, std::uint8_t* out, std::ptrdiff_t out_stride_bytes) {
  binarize<Bytes<std::uint8_t>>(x, row_stride, rows, channels, lower, upper, inverted, out,
                                out_stride_bytes);
}

void binarize_i8_neon(const std::int8_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                      std::ptrdiff_t channels, const std::int8_t* lower, const std::int8_t* upper,
                      bool inverted, std::uint8_t* out, std::ptrdiff_t out_stride_bytes) {
  binarize<Bytes<std::int8_t>>(x, row_stride, rows, channels, lower, upper, inverted, out,
                               out_stride_bytes);
}

}  // namespace bnn
