// Family pack_signs: ONNX Sign of floats as two planes of bits. Pixel p has W = words_for(channels)
// words in each:
//
//   signs[p·W …]      bit c = 1 where x < 0
//   masks[p·W …]      bit c = 1 where x ≠ 0 and x is no NaN
//
// Tail bits are 0. The result is a set of flags: kSignsZero where some x is ±0 (the first plane
// alone is then not its sign), kSignsNan where some x is NaN (which no bits can express).
//
//   pack_signs_f32            x[p·row_stride + c]
//   pack_signs_planar_f32     x[c·plane_stride + p]
//
//   0 ≤ p < pixels      0 ≤ c < channels
//
// x: 4-byte aligned, only these elements are read. The outputs alias nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

inline constexpr unsigned kSignsZero = 1;
inline constexpr unsigned kSignsNan = 2;

using PackSignsF32Fn = unsigned (*)(const float* x, std::ptrdiff_t stride, std::ptrdiff_t pixels,
                                    std::ptrdiff_t channels, std::uint64_t* signs,
                                    std::uint64_t* masks);

}  // namespace bnn
