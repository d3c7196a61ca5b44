// Family unpack: packed bits (base/bits.h) to floats, +1 for bit 0 and −1 for bit 1.
//
//   unpack_f32            out[p·stride + c]
//   unpack_planar_f32     out[c·stride + p]
//
//   0 ≤ p < pixels      0 ≤ c < channels
//
// in: words_for(channels) words per pixel, pixels next to each other. out: 4-byte aligned, only
// these elements are written; does not alias in.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

using UnpackF32Fn = void (*)(const std::uint64_t* in, std::ptrdiff_t pixels,
                             std::ptrdiff_t channels, float* out, std::ptrdiff_t stride);

}  // namespace bnn
