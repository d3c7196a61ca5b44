// Vectors of AVX2 for kernels/xnor_masked/byte_counts.h, for AVX-512BW, too. Internal linkage: each
// file needs its own copy, compiled with its own flags.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct U64x4 {
  static constexpr int kLanes = 4;
  static constexpr int kParts = 4;
  static constexpr int kRows = 2;
  using Vector = __m256i;

  static Vector zero() { return _mm256_setzero_si256(); }
  static Vector broadcast(std::uint64_t x) { return _mm256_set1_epi64x(static_cast<long long>(x)); }
  static Vector load(const std::uint64_t* x) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  }
  static void store_low(std::int32_t* out, Vector x) {
    const __m256i even_dwords = _mm256_setr_epi32(0, 2, 4, 6, 0, 0, 0, 0);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(x, even_dwords)));
  }
  static Vector add(Vector a, Vector b) { return _mm256_add_epi64(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm256_sub_epi64(a, b); }
  static Vector shift_left(Vector x, int count) {
    return _mm256_sll_epi64(x, _mm_cvtsi32_si128(count));
  }
  static Vector differ(Vector x, Vector w, Vector m) {
    return _mm256_and_si256(_mm256_xor_si256(x, w), m);
  }
  static Vector both(Vector a, Vector b) { return _mm256_and_si256(a, b); }
  // By table look-up of the two nibbles of each byte.
  static Vector byte_ones(Vector x) {
    const __m256i table_u8x32 =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m256i nibble = _mm256_set1_epi8(0x0F);
    const __m256i low = _mm256_and_si256(x, nibble);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble);
    return _mm256_add_epi8(_mm256_shuffle_epi8(table_u8x32, low),
                           _mm256_shuffle_epi8(table_u8x32, high));
  }
  static Vector add_bytes(Vector a, Vector b) { return _mm256_add_epi8(a, b); }
  static Vector sum_bytes(Vector x) { return _mm256_sad_epu8(x, _mm256_setzero_si256()); }
  static std::uint64_t ones(std::uint64_t x) {
    return static_cast<std::uint64_t>(__builtin_popcountll(x));
  }
};

}  // namespace
}  // namespace bnn
