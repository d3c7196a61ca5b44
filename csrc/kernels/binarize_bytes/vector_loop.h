// The loop of family binarize_bytes over the vectors of an instruction set. Internal linkage: each
// file needs its own copy, compiled with its own flags.
//
// Bytes, its parameter, says
//
//   kLanes                      bytes of a vector: 64 at most, a multiple of 8
//   load(x), load(x, count)     a vector; the first `count` bytes only, at most kTail
//   kTail                       a multiple of 8
//   inside(x, lower, upper)     bit l: lane l lies inside its interval
#pragma once

#include "kernels/binarize_bytes/binarize_bytes.h"

namespace bnn {
namespace {

template <class T>
constexpr bool kIsSigned = static_cast<T>(-1) < 0;

// One vector of channels, of which `count...` are there where it is given, for every row. The
// bounds stay in registers.
template <class Bytes, class T, class... Count>
void column(const T* x, std::ptrdiff_t row_stride, std::ptrdiff_t rows, std::ptrdiff_t channels,
            const T* lower, const T* upper, bool inverted, std::uint8_t* out,
            std::ptrdiff_t out_stride_bytes, Count... count) {
  const auto low = Bytes::load(lower, count...);
  const auto high = Bytes::load(upper, count...);
  const std::uint64_t present = ~std::uint64_t{0} >> (64 - channels);
  const std::uint64_t flip = inverted ? 0 : present;  // bit = inside xor flip
  const std::ptrdiff_t bytes = (channels + 7) / 8;
  for (std::ptrdiff_t p = 0; p < rows; ++p, x += row_stride, out += out_stride_bytes) {
    const std::uint64_t bits =
        (Bytes::inside(Bytes::load(x, count...), low, high) & present) ^ flip;
    // The low bytes, low byte first.
    if constexpr (sizeof...(Count) == 0) {
      __builtin_memcpy(out, &bits, Bytes::kLanes / 8);
    } else if (bytes == 1) {
      out[0] = static_cast<std::uint8_t>(bits);
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
  for (; c < channels; c += Bytes::kTail) {
    const std::ptrdiff_t count = channels - c < Bytes::kTail ? channels - c : Bytes::kTail;
    column<Bytes>(x + c, row_stride, rows, count, lower + c, upper + c, inverted, out + c / 8,
                  out_stride_bytes, count);
  }
}

// The first `count` bytes, 1 to 8, in the low bytes of a word, where there is no masked load:
// overlapping loads instead of a loop.
template <class T>
[[gnu::always_inline]] inline std::uint64_t first_bytes(const T* x, std::ptrdiff_t count) {
  if (count == 8) {
    std::uint64_t word;
    __builtin_memcpy(&word, x, sizeof(word));
    return word;
  }
  if (count >= 4) {
    std::uint32_t low, high;
    __builtin_memcpy(&low, x, sizeof(low));
    __builtin_memcpy(&high, x + count - 4, sizeof(high));
    return low | std::uint64_t{high} << (8 * (count - 4));
  }
  const auto byte = [x](std::ptrdiff_t i) {
    return std::uint64_t{static_cast<std::uint8_t>(x[i])} << (8 * i);
  };
  return byte(0) | byte(count / 2) | byte(count - 1);
}

}  // namespace
}  // namespace bnn
