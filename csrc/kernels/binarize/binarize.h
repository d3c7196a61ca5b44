// Family binarize: per-channel interval tests packed to bits (base/bits.h), from floats or integer
// accumulators. One comparison form serves every binarization that ONNX graphs write:
//
//   inside(p, c) = lower[c] ≤ x[p·row_stride + c] ≤ upper[c]        (false for NaN)
//   value(p, c)  = inside ? +1 : −1        bit = inside ? 0 : 1        when !inverted
//   value(p, c)  = inside ? −1 : +1        bit = inside ? 1 : 0        when  inverted
//
//   0 ≤ p < rows      0 ≤ c < channels
//
// x > t is [next float after t, +inf]; a decreasing function of x gives [−inf, t]; a constant gives
// the whole line or the empty interval (+inf, −inf). Denormal bounds are real bounds: variants must
// compare with denormals honoured (the executor runs kernels with FTZ/DAZ off).
//
// Output: ceil(channels / 8) bytes per row at out + p·out_stride_bytes (byte pointer: a caller that
// works channel block by channel block passes an offset of c0 / 8), unused bits of the last byte 0.
// Bytes beyond are not touched; the caller clears the rest of the pixel's last word. lower/upper:
// readable up to round_up(channels, 16) elements, 64-byte aligned. x: 4-byte aligned, only
// `channels` elements of each row are read. out does not alias the rest.
//
// The planar form reads channels-first planes, x[c·plane_stride + p], and writes whole pixels:
// pixel p as words_for(channels) words at out + p·words_for(channels), tail bits 0. Channel c has
// the bounds lower[c·bound_stride] and upper[c·bound_stride]: one pair serves all with
// bound_stride 0. Exactly these elements and `pixels` elements of each plane are read.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

using BinarizeF32Fn = void (*)(const float* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                               std::ptrdiff_t channels, const float* lower, const float* upper,
                               bool inverted, std::uint8_t* out, std::ptrdiff_t out_stride_bytes);

using BinarizeI32Fn = void (*)(const std::int32_t* x, std::ptrdiff_t row_stride,
                               std::ptrdiff_t rows, std::ptrdiff_t channels,
                               const std::int32_t* lower, const std::int32_t* upper, bool inverted,
                               std::uint8_t* out, std::ptrdiff_t out_stride_bytes);

using BinarizePlanarF32Fn = void (*)(const float* x, std::ptrdiff_t plane_stride,
                                     std::ptrdiff_t pixels, std::ptrdiff_t channels,
                                     const float* lower, const float* upper,
                                     std::ptrdiff_t bound_stride, bool inverted,
                                     std::uint64_t* out);

}  // namespace bnn
