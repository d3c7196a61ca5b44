// Vectors of packed words of any machine: the vector type that GCC and Clang have everywhere; see
// vectors/u64_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct U64 {
  static constexpr int kLanes = 2;
  static constexpr bool kMasks = false;  // there are no tails
  using Vector [[gnu::vector_size(16)]] = std::uint64_t;

  static Vector load(const std::uint64_t* x) {
    Vector y;
    __builtin_memcpy(&y, x, sizeof(y));
    return y;
  }
  static void store(std::uint64_t* out, Vector y) { __builtin_memcpy(out, &y, sizeof(y)); }
};

}  // namespace
}  // namespace bnn
