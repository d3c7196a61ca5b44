// Pixels in lanes, on AVX-512BW; see vectors/pixels_avx2.h.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct Pixels {
  static constexpr int kLanes = 16;
  static constexpr int kBlock = 8;  // vectors that share a visit of a plane
  using Floats = __m512;
  using Where = __mmask16;  // a truth per lane
  using Bits = __m512i;     // 32 bits per lane
  using Tail = __mmask16;   // the first lanes; accesses do not touch the others

  static Tail tail(std::ptrdiff_t count) { return static_cast<Tail>((1u << count) - 1); }
  static Floats load(const float* x) { return _mm512_loadu_ps(x); }
  static Floats load(const float* x, Tail lanes) { return _mm512_maskz_loadu_ps(lanes, x); }
  static Floats all(float x) { return _mm512_set1_ps(x); }

  // Comparisons are false for NaN.
  static Where at_most(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
  static Where between(Floats low, Floats x, Floats high) {
    return _mm512_mask_cmp_ps_mask(at_most(low, x), x, high, _CMP_LE_OQ);
  }

  static Where below_zero(Floats x) {
    return _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
  }
  static Where apart_from_zero(Floats x) {
    return _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_OQ);
  }
  static Where nan(Floats x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q); }
  // Bit l: lane l.
  static std::uint32_t mask(Where where) { return where; }

  static Bits bits(std::uint32_t x) { return _mm512_set1_epi32(static_cast<int>(x)); }
  static Bits twice(Bits x) { return _mm512_add_epi32(x, x); }
  static Bits exclusive_or(Bits a, Bits b) { return _mm512_xor_si512(a, b); }
  // x | (where ? bit : 0)
  static Bits set(Bits x, Where where, Bits bit) { return _mm512_mask_or_epi32(x, where, x, bit); }

  // The 64-bit words low + 2^32 · high of every lane, in order.
  static void store_words(Bits low, Bits high, std::uint64_t* out) {
    const __m512i order = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i eight = _mm512_set1_epi32(8);
    _mm512_storeu_si512(out, _mm512_permutex2var_epi32(low, order, high));
    _mm512_storeu_si512(out + 8,
                        _mm512_permutex2var_epi32(low, _mm512_add_epi32(order, eight), high));
  }

  static Bits load_bits(const std::uint32_t* x) { return _mm512_loadu_si512(x); }
  // Bit l of `bits` as the highest bit of lane l.
  static Bits spread(std::uint32_t x) {
    return _mm512_sllv_epi32(
        bits(x), _mm512_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16));
  }
  // −1 where the highest bit is set, else +1.
  static Floats signs(Bits x) {
    constexpr int kAndOr = 0xEA;  // (x and sign) or one
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(x, bits(0x80000000u), _mm512_castps_si512(all(1.0f)), kAndOr));
  }
  static void store(float* out, Floats y) { _mm512_storeu_ps(out, y); }
  static void store(float* out, Floats y, Tail lanes) { _mm512_mask_storeu_ps(out, lanes, y); }
};

}  // namespace
}  // namespace bnn
