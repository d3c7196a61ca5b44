// Vectors of 32-bit integers of any machine: the vector type that GCC and Clang have everywhere,
// registers where there are any. See vectors/i32_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct I32 {
  static constexpr int kLanes = 4;
  using Vector [[gnu::vector_size(16)]] = std::uint32_t;  // sums wrap
  struct Tail {
    std::ptrdiff_t count;  // only the first lanes are accessed
  };

  static Tail tail(std::ptrdiff_t count) { return {count}; }
  static Vector load(const std::int32_t* x) {
    Vector y;
    __builtin_memcpy(&y, x, sizeof(y));
    return y;
  }
  static Vector load(const std::int32_t* x, Tail lanes) {
    std::int32_t copy[kLanes] = {};
    for (std::ptrdiff_t i = 0; i < lanes.count; ++i) copy[i] = x[i];
    return load(copy);
  }
  static void store(std::int32_t* out, Vector y) { __builtin_memcpy(out, &y, sizeof(y)); }
  static void store(std::int32_t* out, Vector y, Tail lanes) {
    std::int32_t copy[kLanes];
    store(copy, y);
    for (std::ptrdiff_t i = 0; i < lanes.count; ++i) out[i] = copy[i];
  }

  static Vector broadcast(std::int32_t x) {
    const auto y = static_cast<std::uint32_t>(x);
    return Vector{y, y, y, y};
  }
  static Vector add(Vector a, Vector b) { return a + b; }
  static Vector subtract(Vector a, Vector b) { return a - b; }
  static Vector shift_right(Vector x, int count) {  // arithmetic
    using Signed [[gnu::vector_size(16)]] = std::int32_t;
    return reinterpret_cast<Vector>(reinterpret_cast<Signed>(x) >> count);
  }
};

}  // namespace
}  // namespace bnn
