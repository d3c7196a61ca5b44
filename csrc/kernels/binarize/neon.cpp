#include <arm_neon.h>

#include "kernels/binarize/binarize.h"
#include "kernels/binarize/planes.h"
#include "kernels/vectors/pixels_neon.h"

namespace bnn {
namespace {

constexpr std::ptrdiff_t kLanes = 8;  // two x32x4: one output byte

inline float32x4_t load(const float* x) { return vld1q_f32(x); }
inline int32x4_t load(const std::int32_t* x) { return vld1q_s32(x); }

// All ones where a lane lies inside its interval. NaN compares false, hence outside.
inline uint32x4_t inside(float32x4_t x, float32x4_t lower, float32x4_t upper) {
  return vandq_u32(vcleq_f32(lower, x), vcleq_f32(x, upper));
}
inline uint32x4_t inside(int32x4_t x, int32x4_t lower, int32x4_t upper) {
  return vandq_u32(vcleq_s32(lower, x), vcleq_s32(x, upper));
}

// Bit l: lane l of eight lies inside its interval.
template <class T>
inline unsigned inside_bits(const T* x, const T* lower, const T* upper) {
  alignas(16) static constexpr std::uint16_t kBits[kLanes] = {1, 2, 4, 8, 16, 32, 64, 128};
  const uint16x8_t lanes =
      vcombine_u16(vmovn_u32(inside(load(x), load(lower), load(upper))),
                   vmovn_u32(inside(load(x + 4), load(lower + 4), load(upper + 4))));
  return vaddvq_u16(vandq_u16(lanes, vld1q_u16(kBits)));
}

template <class T>
void binarize(const T* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows, std::ptrdiff_t channels,
              const T* lower, const T* upper, bool inverted, std::uint8_t* out,
              std::ptrdiff_t out_stride_bytes) {
  const unsigned flip = inverted ? 0 : 0xFF;  // bit = inside xor flip
  const std::ptrdiff_t full = channels / kLanes * kLanes;
  const std::ptrdiff_t tail = channels - full;
  const unsigned tail_bits = (1u << tail) - 1;
  for (std::ptrdiff_t p = 0; p < rows; ++p) {
    const T* row = x + p * row_stride;
    std::uint8_t* out_row = out + p * out_stride_bytes;
    for (std::ptrdiff_t c = 0; c < full; c += kLanes) {
      const unsigned bits = inside_bits(row + c, lower + c, upper + c);
      out_row[c / 8] = static_cast<std::uint8_t>(bits ^ flip);
    }
    if (tail != 0) {
      T last[kLanes] = {};
      for (std::ptrdiff_t i = 0; i < tail; ++i) last[i] = row[full + i];
      const unsigned bits = inside_bits(last, lower + full, upper + full);
      out_row[full / 8] = static_cast<std::uint8_t>((bits ^ flip) & tail_bits);
    }
  }
}

}  // namespace

void binarize_f32_neon(const float* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                       std::ptrdiff_t channels, const float* lower, const float* upper,
                       bool inverted, std::uint8_t* out, std::ptrdiff_t out_stride_bytes) {
  binarize(x, row_stride, rows, channels, lower, upper, inverted, out, out_stride_bytes);
}

void binarize_i32_neon(const std::int32_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                       std::ptrdiff_t channels, const std::int32_t* lower,
                       const std::int32_t* upper, bool inverted, std::uint8_t* out,
                       std::ptrdiff_t out_stride_bytes) {
  binarize(x, row_stride, rows, channels, lower, upper, inverted, out, out_stride_bytes);
}

void binarize_planar_f32_neon(const float* x, std::ptrdiff_t plane_stride, std::ptrdiff_t pixels,
                              std::ptrdiff_t channels, const float* lower, const float* upper,
                              std::ptrdiff_t bound_stride, bool inverted, std::uint64_t* out) {
  binarize_planar<Pixels>(x, plane_stride, pixels, channels, lower, upper, bound_stride, inverted,
                          out);
}

}  // namespace bnn
