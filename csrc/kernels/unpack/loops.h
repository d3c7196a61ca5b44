// The loops of family unpack over the vectors of an instruction set (vectors/pixels_<isa>.h).
// Internal linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include "kernels/pixel_blocks.h"
#include "kernels/unpack/unpack.h"

namespace bnn {
namespace {

template <class V>
void unpack(const std::uint64_t* in, std::ptrdiff_t pixels, std::ptrdiff_t channels, float* out,
            std::ptrdiff_t stride) {
  const std::ptrdiff_t words = (channels + 63) / 64;
  for (std::ptrdiff_t p = 0; p < pixels; ++p, in += words, out += stride) {
    for (std::ptrdiff_t w = 0; w < words; ++w) {
      const std::ptrdiff_t left = channels - w * 64;
      const std::ptrdiff_t count = left < 64 ? left : 64;
      float* target = out + w * 64;
      std::uint64_t bits = in[w];
      std::ptrdiff_t c = 0;
      for (; c + V::kLanes <= count; c += V::kLanes, bits >>= V::kLanes) {
        V::store(target + c, V::signs(V::spread(static_cast<std::uint32_t>(bits))));
      }
      if (c < count) {
        V::store(target + c, V::signs(V::spread(static_cast<std::uint32_t>(bits))),
                 V::tail(count - c));
      }
    }
  }
}

// Channels [0, channels), at most 32, of a block of pixels: bit c of each lane.
template <class V, int kVectors, class... Tail>
inline void unpack_half_words(const typename V::Bits* in, std::ptrdiff_t channels, float* out,
                              std::ptrdiff_t plane_stride, Tail... tail) {
  typename V::Bits bits[kVectors];  // channel c in the highest bit
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) bits[v] = in[v];
  for (std::ptrdiff_t c = kHalfWord; c-- > 0;) {
    if (c < channels) {
      float* target = out + c * plane_stride;
#pragma GCC unroll 8
      for (int v = 0; v + 1 < kVectors; ++v) V::store(target + v * V::kLanes, V::signs(bits[v]));
      V::store(target + (kVectors - 1) * V::kLanes, V::signs(bits[kVectors - 1]), tail...);
    }
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) bits[v] = V::twice(bits[v]);
  }
}

template <class V>
void unpack_planar(const std::uint64_t* in, std::ptrdiff_t pixels, std::ptrdiff_t channels,
                   float* out, std::ptrdiff_t plane_stride) {
  const std::ptrdiff_t words = (channels + 63) / 64;
  pixel_blocks<V>(pixels, [=]<int kVectors>(std::ptrdiff_t first, std::ptrdiff_t count,
                                            Vectors<kVectors>, auto... tail) {
    for (std::ptrdiff_t w = 0; w < words; ++w) {
      for (std::ptrdiff_t half = 0; half < 2; ++half) {
        const std::ptrdiff_t channel = w * 64 + half * kHalfWord;
        if (channel >= channels) break;
        typename V::Bits bits[kVectors];
        for (int v = 0; v < kVectors; ++v) {
          std::uint32_t lanes[V::kLanes] = {};
          for (std::ptrdiff_t i = 0; i < V::kLanes && v * V::kLanes + i < count; ++i) {
            const std::uint64_t word = in[(first + v * V::kLanes + i) * words + w];
            lanes[i] = static_cast<std::uint32_t>(word >> (half * kHalfWord));
          }
          bits[v] = V::load_bits(lanes);
        }
        unpack_half_words<V, kVectors>(bits, channels - channel,
                                       out + channel * plane_stride + first, plane_stride, tail...);
      }
    }
  });
}

}  // namespace
}  // namespace bnn
