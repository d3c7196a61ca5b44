// Vectors of 32-bit integers of AVX-512BW; see vectors/i32_avx2.h.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct I32 {
  static constexpr int kLanes = 16;
  using Vector = __m512i;
  using Tail = __mmask16;  // the first lanes; accesses do not touch the others

  static Tail tail(std::ptrdiff_t count) { return static_cast<Tail>((1u << count) - 1); }
  static Vector load(const std::int32_t* x) { return _mm512_loadu_si512(x); }
  static Vector load(const std::int32_t* x, Tail lanes) {
    return _mm512_maskz_loadu_epi32(lanes, x);
  }
  static void store(std::int32_t* out, Vector y) { _mm512_storeu_si512(out, y); }
  static void store(std::int32_t* out, Vector y, Tail lanes) {
    _mm512_mask_storeu_epi32(out, lanes, y);
  }

  static Vector broadcast(std::int32_t x) { return _mm512_set1_epi32(x); }
  static Vector add(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm512_sub_epi32(a, b); }
  static Vector shift_right(Vector x, int count) {  // arithmetic
    return _mm512_sra_epi32(x, _mm_cvtsi32_si128(count));
  }
};

}  // namespace
}  // namespace bnn
