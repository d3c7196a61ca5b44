// The loops of binarize_planar_f32 over the vectors of an instruction set (vectors/pixels_<isa>.h).
// Internal linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include "kernels/binarize/binarize.h"
#include "kernels/pixel_blocks.h"

namespace bnn {
namespace {

// Most intervals are half-lines, which take one comparison; a NaN is outside all the same.
enum class Interval : std::uint8_t { from, to, both };

template <class V, Interval kInterval>
void binarize_planes(const float* x, std::ptrdiff_t plane_stride, std::ptrdiff_t pixels,
                     std::ptrdiff_t channels, const float* lower, const float* upper,
                     std::ptrdiff_t bound_stride, bool inverted, std::uint64_t* out) {
  const std::ptrdiff_t words = (channels + 63) / 64;
  pixel_blocks<V>(pixels, [=]<int kVectors>(std::ptrdiff_t first, std::ptrdiff_t count,
                                            Vectors<kVectors>, auto... tail) {
    for (std::ptrdiff_t w = 0; w < words; ++w) {
      const std::ptrdiff_t channel = w * 64;
      const std::ptrdiff_t left = channels - channel;
      // bit = inside xor flip
      const std::uint64_t flip = inverted ? 0 : ~std::uint64_t{0} >> (left < 64 ? 64 - left : 0);
      const auto inside = [=](std::ptrdiff_t c) {
        const typename V::Floats low = V::all(lower[(channel + c) * bound_stride]);
        const typename V::Floats high = V::all(upper[(channel + c) * bound_stride]);
        return [=](typename V::Floats y) {
          return kInterval == Interval::from ? V::at_most(low, y)
                 : kInterval == Interval::to ? V::at_most(y, high)
                                             : V::between(low, y, high);
        };
      };
      std::uint64_t* target = out + first * words + w;
      plane_words<V, kVectors>(
          x + channel * plane_stride + first, plane_stride, left, count, inside,
          [=](std::ptrdiff_t p, std::uint64_t word) { target[p * words] = word ^ flip; }, tail...);
    }
  });
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
  const auto run = from ? binarize_planes<V, Interval::from>
                   : to ? binarize_planes<V, Interval::to>
                        : binarize_planes<V, Interval::both>;
  run(x, plane_stride, pixels, channels, lower, upper, bound_stride, inverted, out);
}

}  // namespace
}  // namespace bnn
