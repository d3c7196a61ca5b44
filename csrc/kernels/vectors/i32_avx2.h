// Vectors of 32-bit integers of AVX2: what the loop of plane_sum is written in. vectors/i32_<isa>.h
// define the same I32 for their instruction set; sums wrap. Internal linkage: each file needs its
// own copy, compiled with its own flags.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct I32 {
  static constexpr int kLanes = 8;
  using Vector = __m256i;
  using Tail = __m256i;  // the first lanes; accesses do not touch the others

  static Tail tail(std::ptrdiff_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Vector load(const std::int32_t* x) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  }
  static Vector load(const std::int32_t* x, Tail lanes) { return _mm256_maskload_epi32(x, lanes); }
  static void store(std::int32_t* out, Vector y) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), y);
  }
  static void store(std::int32_t* out, Vector y, Tail lanes) {
    _mm256_maskstore_epi32(out, lanes, y);
  }

  static Vector broadcast(std::int32_t x) { return _mm256_set1_epi32(x); }
  static Vector add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm256_sub_epi32(a, b); }
  static Vector shift_right(Vector x, int count) {  // arithmetic
    return _mm256_sra_epi32(x, _mm_cvtsi32_si128(count));
  }
};

}  // namespace
}  // namespace bnn
