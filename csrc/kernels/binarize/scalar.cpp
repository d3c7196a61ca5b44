#include "kernels/binarize/binarize.h"
#include "kernels/binarize/planes.h"
#include "kernels/vectors/pixels_scalar.h"

namespace bnn {
namespace {

template <class T>
void binarize(const T* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows, std::ptrdiff_t channels,
              const T* lower, const T* upper, bool inverted, std::uint8_t* out,
              std::ptrdiff_t out_stride_bytes) {
  const unsigned bit_inside = inverted ? 1 : 0;
  for (std::ptrdiff_t p = 0; p < rows; ++p) {
    const T* row = x + p * row_stride;
    std::uint8_t* out_row = out + p * out_stride_bytes;
    for (std::ptrdiff_t c = 0; c < channels; c += 8) {
      const std::ptrdiff_t count = channels - c < 8 ? channels - c : 8;
      unsigned byte = 0;
      for (std::ptrdiff_t i = 0; i < count; ++i) {
        const bool inside = (lower[c + i] <= row[c + i]) & (row[c + i] <= upper[c + i]);
        byte |= (inside ? bit_inside : 1u - bit_inside) << i;
      }
      out_row[c / 8] = static_cast<std::uint8_t>(byte);
    }
  }
}

}  // namespace

void binarize_f32_scalar(const float* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                         std::ptrdiff_t channels, const float* lower, const float* upper,
                         bool inverted, std::uint8_t* out, std::ptrdiff_t out_stride_bytes) {
  binarize(x, row_stride, rows, channels, lower, upper, inverted, out, out_stride_bytes);
}

void binarize_i32_scalar(const std::int32_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                         std::ptrdiff_t channels, const std::int32_t* lower,
                         const std::int32_t* upper, bool inverted, std::uint8_t* out,
                         std::ptrdiff_t out_stride_bytes) {
  binarize(x, row_stride, rows, channels, lower, upper, inverted, out, out_stride_bytes);
}

void binarize_planar_f32_scalar(const float* x, std::ptrdiff_t plane_stride, std::ptrdiff_t pixels,
                                std::ptrdiff_t channels, const float* lower, const float* upper,
                                std::ptrdiff_t bound_stride, bool inverted, std::uint64_t* out) {
  binarize_planar<Pixels>(x, plane_stride, pixels, channels, lower, upper, bound_stride, inverted,
                          out);
}

}  // namespace bnn
