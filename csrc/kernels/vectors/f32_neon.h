// Float vectors of NEON: two registers, for a group of channels has at least eight lanes; see
// vectors/f32_avx2.h.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct F32 {
  static constexpr int kLanes = 8;
  static constexpr int kHeld = 8;  // vectors that a loop may hold in registers beside operands
  static constexpr bool kMasks = false;  // tails are copied element by element
  struct Vector {
    float32x4_t low;
    float32x4_t high;
  };
  using Factor = float;  // the multiply-add by one number is an instruction
  struct Tail {
    std::ptrdiff_t count;  // only the first lanes are accessed
  };

  static Tail tail(std::ptrdiff_t count) { return {count}; }
  static Vector load(const float* x) { return {vld1q_f32(x), vld1q_f32(x + 4)}; }
  static Vector load(const std::int32_t* x) {
    return {vcvtq_f32_s32(vld1q_s32(x)), vcvtq_f32_s32(vld1q_s32(x + 4))};
  }
  template <class T>
  static Vector load(const T* x, Tail lanes) {
    T copy[kLanes] = {};
    for (std::ptrdiff_t i = 0; i < lanes.count; ++i) copy[i] = x[i];
    return load(copy);
  }
  static void store(float* out, Vector y) {
    vst1q_f32(out, y.low);
    vst1q_f32(out + 4, y.high);
  }
  static void store(float* out, Vector y, Tail lanes) {
    float copy[kLanes];
    store(copy, y);
    for (std::ptrdiff_t i = 0; i < lanes.count; ++i) out[i] = copy[i];
  }

  static Vector zero() { return {vdupq_n_f32(0), vdupq_n_f32(0)}; }
  static Factor factor(float x) { return x; }
  static Vector constant(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
  // 2^x for integers x from −126 to 127.
  static Vector power_of_two(Vector x) {
    const auto half = [](float32x4_t integer) {
      const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(integer), vdupq_n_s32(127));
      return vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23));
    };
    return {half(x.low), half(x.high)};
  }
  static Vector add(Vector a, Vector b) {
    return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)};
  }
  static Vector mul(Vector a, Vector b) {
    return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)};
  }
  static Vector div(Vector a, Vector b) {
    return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)};
  }
  static Vector multiply_add(Factor x, Vector w, Vector sum) {
    return {vfmaq_n_f32(sum.low, w.low, x), vfmaq_n_f32(sum.high, w.high, x)};
  }

  // a > b ? a : b and a < b ? a : b: b also where either is NaN, unlike fmax and fmin.
  static Vector larger(Vector a, Vector b) {
    return {vbslq_f32(vcgtq_f32(a.low, b.low), a.low, b.low),
            vbslq_f32(vcgtq_f32(a.high, b.high), a.high, b.high)};
  }
  static Vector smaller(Vector a, Vector b) {
    return {vbslq_f32(vcltq_f32(a.low, b.low), a.low, b.low),
            vbslq_f32(vcltq_f32(a.high, b.high), a.high, b.high)};
  }
  // test < 0 ? a : b
  static Vector where_negative(Vector test, Vector a, Vector b) {
    return {vbslq_f32(vcltzq_f32(test.low), a.low, b.low),
            vbslq_f32(vcltzq_f32(test.high), a.high, b.high)};
  }
  // isnan(test) ? a : b
  static Vector where_nan(Vector test, Vector a, Vector b) {
    return {vbslq_f32(vceqq_f32(test.low, test.low), b.low, a.low),
            vbslq_f32(vceqq_f32(test.high, test.high), b.high, a.high)};
  }
};

}  // namespace
}  // namespace bnn
