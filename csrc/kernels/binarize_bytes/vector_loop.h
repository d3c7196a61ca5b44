// The loop of family binarize_bytes over the vectors of an instruction set. Internal linkage: each
// file needs its own copy, compiled with its own flags.
//
// Bytes, its parameter, says
//
//   kLanes                      bytes of a vector: 64 at most, a multiple of 8
//   load(x), load(x, count)     a vector; the first `count` bytes only
//   inside(x, lower, upper)     bit l: lane l lies inside its interval
#pragma once

#include "kernels/binarize_bytes/binarize_bytes.h"

namespace bnn {
namespace {

// One vector of channels, of which `count...` are there where it is given, for every row. The
// bounds stay in registers.
template <class Bytes, class T, class... Count>
void column(const T* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows, std::ptrdiff_t channels,
            const T* lower, const T* upper, bool inverted, std::uint8_t* out,
            std::ptrdiff_t out_stride_bytes, Count... count) {
  const auto low = Bytes::load(lower);
  const auto high = Bytes::load(upper);
  const std::uint64_t present = ~std::uint64_t{0} >> (64 - channels);
  const std::uint64_t flip = inverted ? 0 : present;  // bit = inside xor flip
  const std::ptrdiff_t bytes = (channels + 7) / 8;
  for (std::ptrdiff_t p = 0; p < rows; ++p, x += row_stride, out += out_stride_bytes) {
    const std::uint64_t bits =
        (Bytes::inside(Bytes::load(x, count...), low, high) & present) ^ flip;
    // The low bytes, low byte first.
    if constexpr (sizeof...(Count) == 0) {
      __builtin_memcpy(out, &bits, Bytes::kLanes / 8);
    } else if (bytes == 4) {
      __builtin_memcpy(out, &bits, 4);
    } else {
      for (std::ptrdiff_t b = 0; b < bytes; ++b) {
        out[b] = static_cast<std::uint8_t>(bits >> (8 * b));
      }
    }
  }
}

template <class Bytes, class T>
void binarize(const T* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows, std::ptrdiff_t channels,
              const T* lower, const T* upper, bool inverted, std::uint8_t* out,
              std::ptrdiff_t out_stride_bytes) {
  std::ptrdiff_t c = 0;
  for (; c + Bytes::kLanes <= channels; c += Bytes::kLanes) {
    column<Bytes>(x + c, row_stride, rows, Bytes::kLanes, lower + c, upper + c, inverted,
                  out + c / 8, out_stride_bytes);
  }
  if (c < channels) {
    column<Bytes>(x + c, row_stride, rows, channels - c, lower + c, upper + c, inverted,
                  out + c / 8, out_stride_bytes, channels - c);
  }
}

// The first `count` bytes in a vector, the rest zeros, where there is no masked load.
template <class Vector, class T>
[[gnu::always_inline]] inline Vector copy_bytes(const T* x, std::ptrdiff_t count) {
  T bytes[sizeof(Vector)] = {};
  for (std::ptrdiff_t i = 0; i < count; ++i) bytes[i] = x[i];
  Vector vector;
  __builtin_memcpy(&vector, bytes, sizeof(vector));
  return vector;
}

}  // namespace
}  // namespace bnn
