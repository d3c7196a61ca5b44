// Loops over channels-first planes of pixels, in the vectors of an instruction set
// (vectors/pixels_<isa>.h). Internal linkage: each file needs its own copy, compiled with its own
// flags.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

constexpr std::ptrdiff_t kHalfWord = 32;

template <int kCount>
struct Vectors {};

template <class V, int kVectors, class Body>
inline void last_pixels(std::ptrdiff_t first, std::ptrdiff_t pixels, const Body& body) {
  constexpr std::ptrdiff_t kFewer = (kVectors - 1) * V::kLanes;
  if constexpr (kVectors > 1) {
    if (pixels <= kFewer) return last_pixels<V, kVectors - 1>(first, pixels, body);
  }
  if (pixels == kVectors * V::kLanes) {
    body(first, pixels, Vectors<kVectors>{});
  } else {
    body(first, pixels, Vectors<kVectors>{}, V::tail(pixels - kFewer));
  }
}

// body(first pixel, pixels, Vectors<n>, tail...) for every block of pixels: n vectors of them, the
// last one with a tail where it is not full.
template <class V, class Body>
inline void pixel_blocks(std::ptrdiff_t pixels, const Body& body) {
  constexpr std::ptrdiff_t kPixels = V::kBlock * V::kLanes;
  std::ptrdiff_t first = 0;
  for (; pixels - first > kPixels; first += kPixels) body(first, kPixels, Vectors<V::kBlock>{});
  if (pixels > first) last_pixels<V, V::kBlock>(first, pixels - first, body);
}

// Bit c of lane p of out: test(c)(x) for the float x of channel c and pixel p, where c < channels
// and c < 32; the other bits are 0.
template <class V, int kVectors, class Test, class... Tail>
inline void half_words(const float* x, std::ptrdiff_t plane_stride, std::ptrdiff_t channels,
                       Test test, typename V::Bits* out, Tail... tail) {
  typename V::Bits bits[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) bits[v] = V::bits(0);
  typename V::Bits bit = V::bits(1);
  const std::ptrdiff_t count = channels < kHalfWord ? channels : kHalfWord;
  for (std::ptrdiff_t c = 0; c < count; ++c) {
    const auto holds = test(c);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const float* address = x + v * V::kLanes;
      bits[v] = V::set(bits[v],
                       holds(v + 1 < kVectors ? V::load(address) : V::load(address, tail...)), bit);
    }
    bit = V::twice(bit);
    x += plane_stride;
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) out[v] = bits[v];
}

// The same for up to 64 channels, as a word for each of `pixels` pixels: store(pixel, word).
template <class V, int kVectors, class Test, class Store, class... Tail>
inline void plane_words(const float* x, std::ptrdiff_t plane_stride, std::ptrdiff_t channels,
                        std::ptrdiff_t pixels, Test test, Store store, Tail... tail) {
  typename V::Bits low[kVectors];
  typename V::Bits high[kVectors];
  half_words<V, kVectors>(x, plane_stride, channels, test, low, tail...);
  if (channels > kHalfWord) {
    half_words<V, kVectors>(
        x + kHalfWord * plane_stride, plane_stride, channels - kHalfWord,
        [&test](std::ptrdiff_t c) { return test(c + kHalfWord); }, high, tail...);
  } else {
    for (int v = 0; v < kVectors; ++v) high[v] = V::bits(0);
  }
  for (int v = 0; v < kVectors; ++v) {
    std::uint64_t words[V::kLanes];
    V::store_words(low[v], high[v], words);
    const std::ptrdiff_t first = v * V::kLanes;
    const std::ptrdiff_t count = pixels - first < V::kLanes ? pixels - first : V::kLanes;
    for (std::ptrdiff_t i = 0; i < count; ++i) store(first + i, words[i]);
  }
}

}  // namespace
}  // namespace bnn
