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

  static Where below_zero(Floats x) { return x < 0.0f ? ~Where{0} : Where{0}; }
  static Where apart_from_zero(Floats x) { return x < 0.0f || x > 0.0f ? ~Where{0} : Where{0}; }
  static Where nan(Floats x) { return x == x ? Where{0} : ~Where{0}; }
  static std::uint32_t mask(Where where) { return where & 1; }

  static Bits bits(std::uint32_t x) { return x; }
  static Bits twice(Bits x) { return x + x; }
  static Bits exclusive_or(Bits a, Bits b) { return a ^ b; }
  // x | (where ? bit : 0)
  static Bits set(Bits x, Where where, Bits bit) { return x | (where & bit); }

  // The 64-bit word low + 2^32 · high.
  static void store_words(Bits low, Bits high, std::uint64_t* out) {
    *out = low | std::uint64_t{high} << 32;
  }

  static Bits load_bits(const std::uint32_t* x) { return *x; }
  // Bit 0 as the highest bit.
  static Bits spread(std::uint32_t x) { return x << 31; }
  // −1 where the highest bit is set, else +1.
  static Floats signs(Bits x) { return x >> 31 != 0 ? -1.0f : 1.0f; }
  static void store(float* out, Floats y) { *out = y; }
  static void store(float* out, Floats y, Tail) { *out = y; }
};

}  // namespace
}  // namespace bnn
