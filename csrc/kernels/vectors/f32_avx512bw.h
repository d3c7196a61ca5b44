// Float vectors of AVX-512BW; see vectors/f32_avx2.h.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct F32 {
  static constexpr int kLanes = 16;
  static constexpr int kHeld = 8;       // vectors that a loop may hold in registers beside operands
  static constexpr bool kMasks = true;  // tails are accessed by instructions with masks
  using Vector = __m512;
  using Factor = __m512;   // one number for every lane
  using Tail = __mmask16;  // the first lanes; accesses do not touch the others

  static Tail tail(std::ptrdiff_t count) { return static_cast<Tail>((1u << count) - 1); }
  static Vector load(const float* x) { return _mm512_loadu_ps(x); }
  static Vector load(const float* x, Tail lanes) { return _mm512_maskz_loadu_ps(lanes, x); }
  static Vector load(const std::int32_t* x) { return _mm512_cvtepi32_ps(_mm512_loadu_si512(x)); }
  static Vector load(const std::int32_t* x, Tail lanes) {
    return _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(lanes, x));
  }
  static void store(float* out, Vector y) { _mm512_storeu_ps(out, y); }
  static void store(float* out, Vector y, Tail lanes) { _mm512_mask_storeu_ps(out, lanes, y); }

  static Vector zero() { return _mm512_setzero_ps(); }
  static Factor factor(float x) { return _mm512_set1_ps(x); }
  static Vector constant(float x) { return _mm512_set1_ps(x); }
  // 2^x for integers x from −126 to 127.
  static Vector power_of_two(Vector x) {
    const __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(x), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
  }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector mul(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  static Vector div(Vector a, Vector b) { return _mm512_div_ps(a, b); }
  static Vector multiply_add(Factor x, Vector w, Vector sum) { return _mm512_fmadd_ps(x, w, sum); }

  // a > b ? a : b and a < b ? a : b: b also where either is NaN.
  static Vector larger(Vector a, Vector b) { return _mm512_max_ps(a, b); }
  static Vector smaller(Vector a, Vector b) { return _mm512_min_ps(a, b); }
  // test < 0 ? a : b
  static Vector where_negative(Vector test, Vector a, Vector b) {
    return _mm512_mask_mov_ps(b, _mm512_cmp_ps_mask(test, zero(), _CMP_LT_OQ), a);
  }
  // isnan(test) ? a : b
  static Vector where_nan(Vector test, Vector a, Vector b) {
    return _mm512_mask_mov_ps(b, _mm512_cmp_ps_mask(test, test, _CMP_UNORD_Q), a);
  }
};

}  // namespace
}  // namespace bnn
