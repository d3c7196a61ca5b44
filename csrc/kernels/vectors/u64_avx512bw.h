// Vectors of packed words of AVX-512BW; see vectors/u64_avx2.h.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct U64 {
  static constexpr int kLanes = 8;
  static constexpr bool kMasks = false;  // there are no tails
  using Vector = __m512i;

  static Vector load(const std::uint64_t* x) { return _mm512_loadu_si512(x); }
  static void store(std::uint64_t* out, Vector y) { _mm512_storeu_si512(out, y); }
};

}  // namespace
}  // namespace bnn
