#include "kernels/binarize_bytes/binarize_bytes.h"
#include "kernels/binarize_bytes/vector_loop.h"

namespace bnn {
namespace {

template <class T>
struct Bytes {
  static constexpr std::ptrdiff_t kLanes = 8;
  static constexpr std::ptrdiff_t kTail = 8;
  struct Vector {
    T lanes[kLanes];
  };
  static Vector load(const T* x) { return load(x, kLanes); }
  static Vector load(const T* x, std::ptrdiff_t count) {
    Vector vector = {};
    for (std::ptrdiff_t i = 0; i < count; ++i) vector.lanes[i] = x[i];
    return vector;
  }
  static std::uint64_t inside(const Vector& x, const Vector& lower, const Vector& upper) {
    unsigned bits = 0;
    for (int l = 0; l < kLanes; ++l) {
      const bool is_inside = (lower.lanes[l] <= x.lanes[l]) & (x.lanes[l] <= upper.lanes[l]);
      bits |= unsigned{is_inside} << l;
    }
    return bits;
  }
};

}  // namespace

void binarize_u8_scalar(const std::uint8_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                        std::ptrdiff_t channels, const std::uint8_t* lower,
                        const std::uint8_t* upper, bool inverted, std::uint8_t* out,
                        std::ptrdiff_t out_stride_bytes) {
  binarize<Bytes<std::uint8_t>>(x, row_stride, rows, channels, lower, upper, inverted, out,
                                out_stride_bytes);
}

void binarize_i8_scalar(const std::int8_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                        std::ptrdiff_t channels, const std::int8_t* lower, const std::int8_t* upper,
                        bool inverted, std::uint8_t* out, std::ptrdiff_t out_stride_bytes) {
  binarize<Bytes<std::int8_t>>(x, row_stride, rows, channels, lower, upper, inverted, out,
                               out_stride_bytes);
}

}  // namespace bnn
