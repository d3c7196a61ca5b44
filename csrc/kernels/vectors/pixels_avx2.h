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

  static Where below_zero(Floats x) {
    return _mm256_castps_si256(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ));
  }
  static Where apart_from_zero(Floats x) {
    return _mm256_castps_si256(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NEQ_OQ));
  }
  static Where nan(Floats x) { return _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)); }
  // Bit l: lane l.
  static std::uint32_t mask(Where where) {
    return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(where)));
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

  static Bits load_bits(const std::uint32_t* x) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  }
  // Bit l of `bits` as the highest bit of lane l.
  static Bits spread(std::uint32_t x) {
    return _mm256_sllv_epi32(bits(x), _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24));
  }
  // −1 where the highest bit is set, else +1.
  static Floats signs(Bits x) {
    return _mm256_or_ps(_mm256_and_ps(_mm256_castsi256_ps(x), all(-0.0f)), all(1.0f));
  }
  static void store(float* out, Floats y) { _mm256_storeu_ps(out, y); }
  static void store(float* out, Floats y, Tail lanes) { _mm256_maskstore_ps(out, lanes, y); }
};

}  // namespace
}  // namespace bnn
