// The loops of family pack_signs over the vectors of an instruction set (vectors/pixels_<isa>.h).
// Internal linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include "kernels/pack_signs/pack_signs.h"
#include "kernels/pixel_blocks.h"

namespace bnn {
namespace {

// The flags of up to 64 channels of a pixel, `real` of them, from the bits of the floats that are
// neither 0 nor NaN, and of those that are NaN.
inline unsigned sign_flags(std::uint64_t nonzero, std::uint64_t nan, std::uint64_t real) {
  return (nan != 0 ? kSignsNan : 0) | ((nonzero | nan) != real ? kSignsZero : 0);
}

// The bits of the first `channels` channels, up to 64.
inline std::uint64_t real_bits(std::ptrdiff_t channels) {
  return ~std::uint64_t{0} >> (channels < 64 ? 64 - channels : 0);
}

// Up to 64 floats of a pixel: bit c = test(x[c]).
template <class V, class Test>
inline std::uint64_t row_word(const float* x, std::ptrdiff_t channels, Test test) {
  std::uint64_t word = 0;
  if (channels >= 64) {
#pragma GCC unroll 8
    for (int c = 0; c < 64; c += V::kLanes) {
      word |= std::uint64_t{V::mask(test(V::load(x + c)))} << c;
    }
    return word;
  }
  std::ptrdiff_t c = 0;
  for (; c + V::kLanes <= channels; c += V::kLanes) {
    word |= std::uint64_t{V::mask(test(V::load(x + c)))} << c;
  }
  if (c < channels) {
    word |= std::uint64_t{V::mask(test(V::load(x + c, V::tail(channels - c))))} << c;
  }
  return word;
}

template <class V>
unsigned pack_signs(const float* x, std::ptrdiff_t row_stride, std::ptrdiff_t pixels,
                    std::ptrdiff_t channels, std::uint64_t* signs, std::uint64_t* masks) {
  const std::ptrdiff_t words = (channels + 63) / 64;
  unsigned flags = 0;
  for (std::ptrdiff_t p = 0; p < pixels; ++p, x += row_stride) {
    for (std::ptrdiff_t w = 0; w < words; ++w) {
      const float* first = x + w * 64;
      const std::ptrdiff_t left = channels - w * 64;
      const std::uint64_t nonzero = row_word<V>(first, left, V::apart_from_zero);
      *signs++ = row_word<V>(first, left, V::below_zero);
      *masks++ = nonzero;
      const std::uint64_t real = real_bits(left);
      // NaNs are looked for only where some float has no sign.
      if (nonzero != real) flags |= sign_flags(nonzero, row_word<V>(first, left, V::nan), real);
    }
  }
  return flags;
}

template <class V>
unsigned pack_signs_planar(const float* x, std::ptrdiff_t plane_stride, std::ptrdiff_t pixels,
                           std::ptrdiff_t channels, std::uint64_t* signs, std::uint64_t* masks) {
  const std::ptrdiff_t words = (channels + 63) / 64;
  const auto below_zero = [](std::ptrdiff_t) { return V::below_zero; };
  const auto apart_from_zero = [](std::ptrdiff_t) { return V::apart_from_zero; };
  const auto nan = [](std::ptrdiff_t) { return V::nan; };
  unsigned flags = 0;
  pixel_blocks<V>(pixels, [=, &flags]<int kVectors>(std::ptrdiff_t first, std::ptrdiff_t count,
                                                    Vectors<kVectors>, auto... tail) {
    for (std::ptrdiff_t w = 0; w < words; ++w) {
      const float* source = x + w * 64 * plane_stride + first;
      const std::ptrdiff_t left = channels - w * 64;
      const std::uint64_t real = real_bits(left);
      std::uint64_t* signs_word = signs + first * words + w;
      std::uint64_t* masks_word = masks + first * words + w;
      std::uint64_t all = real;
      plane_words<V, kVectors>(
          source, plane_stride, left, count, below_zero,
          [=](std::ptrdiff_t p, std::uint64_t word) { signs_word[p * words] = word; }, tail...);
      plane_words<V, kVectors>(
          source, plane_stride, left, count, apart_from_zero,
          [=, &all](std::ptrdiff_t p, std::uint64_t word) {
            masks_word[p * words] = word;
            all &= word;
          },
          tail...);
      // NaNs are looked for only where some float has no sign.
      if (all == real) continue;
      plane_words<V, kVectors>(
          source, plane_stride, left, count, nan,
          [=, &flags](std::ptrdiff_t p, std::uint64_t word) {
            flags |= sign_flags(masks_word[p * words], word, real);
          },
          tail...);
    }
  });
  return flags;
}

}  // namespace
}  // namespace bnn
