// Pixels in lanes, on AVX2: what the loops over channels-first planes are written in.
// vectors/pixels_<isa>.h define the same Pixels for their instruction set. Internal linkage: each
// file needs its own copy, compiled with its own flags.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct Pixels {
  static constexpr int kLanes = 8;
  static constexpr int kBlock = 4;  // vectors that share a visit of a plane
  using Floats = __m256;
  using Where = __m256i;  // a truth per lane: all bits or none
  using Bits = __m256i;   // 32 bits per lane
  using Tail = __m256i;   // the first lanes; accesses do not touch the others

  static Tail tail(std::ptrdiff_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Floats load(const float* x) { return _mm256_loadu_ps(x); }
  static Floats load(const float* x, Tail lanes) { return _mm256_maskload_ps(x, lanes); }
  static Floats all(float x) { return _mm256_set1_ps(x); }

  // Comparisons are false for NaN.
  static Where at_most(Floats a, Floats b) {
    return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_LE_OQ));
  }
  static Where between(Floats low, Floats x, Floats high) {
    return _mm256_and_si256(at_most(low, x), at_most(x, high));
  }

  static Bits bits(std::uint32_t x) { return _mm256_set1_epi32(static_cast<int>(x)); }
  static Bits twice(Bits x) { return _mm256_add_epi32(x, x); }
  static Bits exclusive_or(Bits a, Bits b) { return _mm256_xor_si256(a, b); }
  // x | (where ? bit : 0)
  static Bits set(Bits x, Where where, Bits bit) {
    return _mm256_or_si256(x, _mm256_and_si256(where, bit));
  }

  // The 64-bit words low + 2^32 · high of every lane, in order.
  static void store_words(Bits low, Bits high, std::uint64_t* out) {
    const __m256i first = _mm256_unpacklo_epi32(low, high);   // lanes 0 1 4 5
    const __m256i second = _mm256_unpackhi_epi32(low, high);  // lanes 2 3 6 7
    auto* words = reinterpret_cast<__m256i*>(out);
    _mm256_storeu_si256(words, _mm256_permute2x128_si256(first, second, 0x20));
    _mm256_storeu_si256(words + 1, _mm256_permute2x128_si256(first, second, 0x31));
  }
};

}  // namespace
}  // namespace bnn
