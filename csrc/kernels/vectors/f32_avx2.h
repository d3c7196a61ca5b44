// Float vectors of AVX2: what the loops of epilogue, pool and the float dot products are written
// in. vectors/f32_<isa>.h define the same F32 for their instruction set. Internal linkage: each
// file needs its own copy, compiled with its own flags.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct F32 {
  static constexpr int kLanes = 8;
  static constexpr int kHeld = 8;       // vectors that a loop may hold in registers beside operands
  static constexpr bool kMasks = true;  // tails are accessed by instructions with masks
  using Vector = __m256;
  using Factor = __m256;  // one number for every lane
  using Tail = __m256i;   // the first lanes; accesses do not touch the others

  static Tail tail(std::ptrdiff_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Vector load(const float* x) { return _mm256_loadu_ps(x); }
  static Vector load(const float* x, Tail lanes) { return _mm256_maskload_ps(x, lanes); }
  static Vector load(const std::int32_t* x) {
    return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
  }
  static Vector load(const std::int32_t* x, Tail lanes) {
    return _mm256_cvtepi32_ps(_mm256_maskload_epi32(x, lanes));
  }
  static void store(float* out, Vector y) { _mm256_storeu_ps(out, y); }
  static void store(float* out, Vector y, Tail lanes) { _mm256_maskstore_ps(out, lanes, y); }

  static Vector zero() { return _mm256_setzero_ps(); }
  static Factor factor(float x) { return _mm256_set1_ps(x); }
  static Vector constant(float x) { return _mm256_set1_ps(x); }
  // 2^x for integers x from −126 to 127.
  static Vector power_of_two(Vector x) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(x), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
  }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector mul(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  static Vector div(Vector a, Vector b) { return _mm256_div_ps(a, b); }
  static Vector multiply_add(Factor x, Vector w, Vector sum) { return _mm256_fmadd_ps(x, w, sum); }

  // a > b ? a : b and a < b ? a : b: b also where either is NaN.
  static Vector larger(Vector a, Vector b) { return _mm256_max_ps(a, b); }
  static Vector smaller(Vector a, Vector b) { return _mm256_min_ps(a, b); }
  // test < 0 ? a : b
  static Vector where_negative(Vector test, Vector a, Vector b) {
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(test, zero(), _CMP_LT_OQ));
  }
  // isnan(test) ? a : b
  static Vector where_nan(Vector test, Vector a, Vector b) {
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(test, test, _CMP_UNORD_Q));
  }
};

}  // namespace
}  // namespace bnn
