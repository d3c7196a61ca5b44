// The loops of binarize_planar_f32 over the vectors of an instruction set (vectors/pixels_<isa>.h).
// Internal linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include "kernels/binarize/binarize.h"

namespace bnn {
namespace {

// Most intervals are half-lines, which take one comparison; a NaN is outside all the same.
enum class Interval : std::uint8_t { from, to, both };

// Channels of a block of pixels, with their bounds.
struct Planes {
  const float* x;
  std::ptrdiff_t stride;
  std::ptrdiff_t channels;
  const float* lower;
  const float* upper;
  std::ptrdiff_t bound_stride;

  Planes from(std::ptrdiff_t channel) const {
    return {x + channel * stride,
            stride,
            channels - channel,
            lower + channel * bound_stride,
            upper + channel * bound_stride,
            bound_stride};
  }
};

constexpr std::ptrdiff_t kHalfWord = 32;

// Bit c of every pixel: inside(c) xor flip, for the first 32 channels at most; the others are 0.
// The last vector of pixels loads the lanes of `tail` where there is one.
template <class V, Interval kInterval, int kVectors, class... Tail>
inline void half_words(Planes planes, std::uint32_t flip, typename V::Bits* out, Tail... tail) {
  const std::ptrdiff_t count = planes.channels < kHalfWord ? planes.channels : kHalfWord;
  typename V::Bits bits[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) bits[v] = V::bits(0);
  typename V::Bits bit = V::bits(1);
  for (std::ptrdiff_t c = 0; c < count; ++c) {
    const typename V::Floats low = V::all(*planes.lower);
    const typename V::Floats high = V::all(*planes.upper);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const float* address = planes.x + v * V::kLanes;
      const typename V::Floats y = v + 1 < kVectors ? V::load(address) : V::load(address, tail...);
      const typename V::Where inside = kInterval == Interval::from ? V::at_most(low, y)
                                       : kInterval == Interval::to ? V::at_most(y, high)
                                                                   : V::between(low, y, high);
      bits[v] = V::set(bits[v], inside, bit);
    }
    bit = V::twice(bit);
    planes.x += planes.stride;
    planes.lower += planes.bound_stride;
    planes.upper += planes.bound_stride;
  }
  const auto real = static_cast<std::uint32_t>((std::uint64_t{1} << count) - 1);
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) out[v] = V::exclusive_or(bits[v], V::bits(flip & real));
}

// All channels of `pixels` pixels in kVectors vectors.
template <class V, Interval kInterval, int kVectors, class... Tail>
void pixel_block(const Planes& planes, std::uint32_t flip, std::ptrdiff_t pixels,
                 std::uint64_t* out, Tail... tail) {
  const std::ptrdiff_t words = (planes.channels + 63) / 64;
  for (std::ptrdiff_t w = 0; w < words; ++w) {
    typename V::Bits low[kVectors];
    typename V::Bits high[kVectors];
    const Planes word = planes.from(w * 2 * kHalfWord);
    half_words<V, kInterval, kVectors>(word, flip, low, tail...);
    if (word.channels > kHalfWord) {
      half_words<V, kInterval, kVectors>(word.from(kHalfWord), flip, high, tail...);
    } else {
      for (int v = 0; v < kVectors; ++v) high[v] = V::bits(0);
    }
    for (int v = 0; v < kVectors; ++v) {
      const std::ptrdiff_t first = v * V::kLanes;
      const std::ptrdiff_t count = pixels - first < V::kLanes ? pixels - first : V::kLanes;
      if (words == 1 && count == V::kLanes) {
        V::store_words(low[v], high[v], out + first);
        continue;
      }
      std::uint64_t apart[V::kLanes];
      V::store_words(low[v], high[v], apart);
      std::uint64_t* target = out + first * words + w;
      for (std::ptrdiff_t i = 0; i < count; ++i) target[i * words] = apart[i];
    }
  }
}

// The last `pixels` pixels of a row of blocks: at most kVectors vectors.
template <class V, Interval kInterval, int kVectors>
void last_pixels(const Planes& planes, std::uint32_t flip, std::ptrdiff_t pixels,
                 std::uint64_t* out) {
  constexpr std::ptrdiff_t kFewer = (kVectors - 1) * V::kLanes;
  if constexpr (kVectors > 1) {
    if (pixels <= kFewer) return last_pixels<V, kInterval, kVectors - 1>(planes, flip, pixels, out);
  }
  if (pixels == kVectors * V::kLanes) {
    pixel_block<V, kInterval, kVectors>(planes, flip, pixels, out);
  } else {
    pixel_block<V, kInterval, kVectors>(planes, flip, pixels, out, V::tail(pixels - kFewer));
  }
}

template <class V, Interval kInterval>
void binarize_blocks(Planes planes, std::uint32_t flip, std::ptrdiff_t pixels, std::uint64_t* out) {
  constexpr std::ptrdiff_t kPixels = V::kBlock * V::kLanes;
  const std::ptrdiff_t words = (planes.channels + 63) / 64;
  for (; pixels > kPixels; pixels -= kPixels) {
    pixel_block<V, kInterval, V::kBlock>(planes, flip, kPixels, out);
    planes.x += kPixels;
    out += kPixels * words;
  }
  if (pixels > 0) last_pixels<V, kInterval, V::kBlock>(planes, flip, pixels, out);
}

template <class V>
void binarize_planar(const float* x, std::ptrdiff_t plane_stride, std::ptrdiff_t pixels,
                     std::ptrdiff_t channels, const float* lower, const float* upper,
                     std::ptrdiff_t bound_stride, bool inverted, std::uint64_t* out) {
  constexpr float kInfinity = __builtin_inff();
  bool from = true;
  bool to = true;
  for (std::ptrdiff_t c = 0; c < channels; ++c) {
    from &= upper[c * bound_stride] == kInfinity;
    to &= lower[c * bound_stride] == -kInfinity;
  }
  const Planes planes{x, plane_stride, channels, lower, upper, bound_stride};
  const std::uint32_t flip = inverted ? 0 : ~std::uint32_t{0};
  if (from) {
    binarize_blocks<V, Interval::from>(planes, flip, pixels, out);
  } else if (to) {
    binarize_blocks<V, Interval::to>(planes, flip, pixels, out);
  } else {
    binarize_blocks<V, Interval::both>(planes, flip, pixels, out);
  }
}

}  // namespace
}  // namespace bnn
