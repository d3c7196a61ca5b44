// Pixels one by one, on any machine; see vectors/pixels_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct Pixels {
  static constexpr int kLanes = 1;
  static constexpr int kBlock = 4;  // vectors that share a visit of a plane
  using Floats = float;
  using Where = std::uint32_t;  // all bits or none
  using Bits = std::uint32_t;
  struct Tail {};  // there is none

  static Tail tail(std::ptrdiff_t) { return {}; }
  static Floats load(const float* x) { return *x; }
  static Floats load(const float* x, Tail) { return *x; }
  static Floats all(float x) { return x; }

  // Comparisons are false for NaN.
  static Where at_most(Floats a, Floats b) { return a <= b ? ~Where{0} : Where{0}; }
  static Where between(Floats low, Floats x, Floats high) {
    return at_most(low, x) & at_most(x, high);
  }

  static Bits bits(std::uint32_t x) { return x; }
  static Bits twice(Bits x) { return x + x; }
  static Bits exclusive_or(Bits a, Bits b) { return a ^ b; }
  // x | (where ? bit : 0)
  static Bits set(Bits x, Where where, Bits bit) { return x | (where & bit); }

  // The 64-bit word low + 2^32 · high.
  static void store_words(Bits low, Bits high, std::uint64_t* out) {
    *out = low | std::uint64_t{high} << 32;
  }
};

}  // namespace
}  // namespace bnn
