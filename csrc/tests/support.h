// What the kernel tests share: the seeded source of a case, failures, and special floats.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "guarded_array.h"

namespace bnn::test {

class Failure : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A part of a failure's message, put into words only when there is a failure.
class Text {
 public:
  Text(std::string text) : text_(std::move(text)) {}
  Text(const char* text) : text_(text) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  Text(T value) : text_(std::to_string(value)) {}
  template <class T>
    requires requires(const T& described) { described.text(); }
  Text(const T& described) : text_(described.text()) {}

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

[[noreturn, gnu::noinline]] inline void fail(std::initializer_list<Text> parts) {
  std::string message;
  for (const Text& part : parts) message += part.text();
  throw Failure(message);
}

template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]] {
    fail({Text(parts)...});
  }
}

// Everything a case draws comes from its seed (std distributions differ between libraries, so none
// is used).
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t bits() { return engine_(); }
  bool one_in(std::uint64_t n) { return bits() % n == 0; }
  // Inclusive.
  std::ptrdiff_t between(std::ptrdiff_t low, std::ptrdiff_t high) {
    return low + static_cast<std::ptrdiff_t>(bits() % static_cast<std::uint64_t>(high - low + 1));
  }
  template <class T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[bits() % values.size()];
  }
  // In [−1, 1), on a grid of 2^-23.
  float unit() {
    return static_cast<float>(static_cast<std::int32_t>(bits() >> 40) - (1 << 23)) * 0x1p-23f;
  }
  // Magnitudes from 2^-8 to 2^8 and both signs.
  float real() { return std::ldexp(unit(), static_cast<int>(between(-8, 8))); }
  float special() {
    constexpr float inf = std::numeric_limits<float>::infinity();
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    constexpr float denormal = std::numeric_limits<float>::denorm_min();
    constexpr float largest = std::numeric_limits<float>::max();
    constexpr float smallest = std::numeric_limits<float>::min();
    return pick({0.0f, -0.0f, 1.0f, -1.0f, inf, -inf, nan, -nan, denormal, -denormal, largest,
                 -largest, smallest, -smallest});
  }
  Placement placement() { return one_in(2) ? Placement::before_guard : Placement::after_guard; }

 private:
  std::mt19937_64 engine_;
};

// Same bits, or both NaN (whose sign and payload no contract promises).
inline bool same_float(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

inline std::ptrdiff_t round_up(std::ptrdiff_t value, std::ptrdiff_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Channel counts around the edges of words, vectors and blocks of them.
inline std::ptrdiff_t channels_near_edges(Random& random) {
  switch (random.between(0, 3)) {
    case 0:
      return random.between(1, 130);
    case 1:
      return random.between(1, 3) * 64 + random.between(-1, 1);
    case 2:
      return random.between(1, 9) * 8 + random.between(-1, 1);
    default:
      return random.between(1, 300);
  }
}

inline std::size_t index(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

}  // namespace bnn::test
