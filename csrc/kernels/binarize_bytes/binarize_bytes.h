// Family binarize_bytes: the interval tests of family binarize (binarize/binarize.h) on 8-bit
// integers:
//
//   inside(p, c) = lower[c] ≤ x[p·row_stride + c] ≤ upper[c]
//   bit          = inside xor !inverted
//
//   0 ≤ p < rows      0 ≤ c < channels
//
// The empty interval has lower > upper.
//
// Output: ceil(channels / 8) bytes per row at out + p·out_stride_bytes, unused bits of the last
// byte 0; bytes beyond are not touched. lower/upper: readable up to round_up(channels, 64)
// elements, 64-byte aligned. x: only `channels` elements of each row are read. out does not alias
// the rest.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

using BinarizeU8Fn = void (*)(const std::uint8_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                              std::ptrdiff_t channels, const std::uint8_t* lower,
                              const std::uint8_t* upper, bool inverted, std::uint8_t* out,
                              std::ptrdiff_t out_stride_bytes);

using BinarizeI8Fn = void (*)(const std::int8_t* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows,
                              std::ptrdiff_t channels, const std::int8_t* lower,
                              const std::int8_t* upper, bool inverted, std::uint8_t* out,
                              std::ptrdiff_t out_stride_bytes);

}  // namespace bnn
