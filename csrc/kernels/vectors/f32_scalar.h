// Float vectors of any machine: the vector type that GCC and Clang have everywhere, registers where
// there are any, else plain floats. Auto-vectorization leaves sums of dot products in memory. See
// vectors/f32_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct F32 {
  static constexpr int kLanes = 8;
  static constexpr int kHeld = 4;        // of 16 registers on x86, two a vector
  static constexpr bool kMasks = false;  // tails are copied element by element
  using f32x4 [[gnu::vector_size(16)]] = float;
  using i32x4 [[gnu::vector_size(16)]] = std::int32_t;
  struct Vector {
    f32x4 low;
    f32x4 high;
  };
  using Factor = f32x4;  // one number for every lane
  struct Tail {
    std::ptrdiff_t count;  // only the first lanes are accessed
  };

  static Tail tail(std::ptrdiff_t count) { return {count}; }
  static f32x4 load_f32x4(const float* x) {
    f32x4 y;
    __builtin_memcpy(&y, x, sizeof(y));
    return y;
  }
  static Vector load(const float* x) { return {load_f32x4(x), load_f32x4(x + 4)}; }
  static Vector load(const std::int32_t* x) {
    i32x4 low;
    i32x4 high;
    __builtin_memcpy(&low, x, sizeof(low));
    __builtin_memcpy(&high, x + 4, sizeof(high));
    return {__builtin_convertvector(low, f32x4), __builtin_convertvector(high, f32x4)};
  }
  template <class T>
  static Vector load(const T* x, Tail lanes) {
    T copy[kLanes] = {};
    for (std::ptrdiff_t i = 0; i < lanes.count; ++i) copy[i] = x[i];
    return load(copy);
  }
  static void store(float* out, Vector y) {
    __builtin_memcpy(out, &y.low, sizeof(y.low));
    __builtin_memcpy(out + 4, &y.high, sizeof(y.high));
  }
  static void store(float* out, Vector y, Tail lanes) {
    float copy[kLanes];
    store(copy, y);
    for (std::ptrdiff_t i = 0; i < lanes.count; ++i) out[i] = copy[i];
  }

  static Vector zero() { return {f32x4{}, f32x4{}}; }
  static Factor factor(float x) { return f32x4{x, x, x, x}; }
  static Vector constant(float x) { return {f32x4{x, x, x, x}, f32x4{x, x, x, x}}; }
  // 2^x for integers x from −126 to 127.
  static Vector power_of_two(Vector x) {
    const auto half = [](f32x4 integer) {
      const i32x4 exponent = (__builtin_convertvector(integer, i32x4) + 127) << 23;
      f32x4 power;
      __builtin_memcpy(&power, &exponent, sizeof(power));
      return power;
    };
    return {half(x.low), half(x.high)};
  }
  static Vector add(Vector a, Vector b) { return {a.low + b.low, a.high + b.high}; }
  static Vector mul(Vector a, Vector b) { return {a.low * b.low, a.high * b.high}; }
  static Vector div(Vector a, Vector b) { return {a.low / b.low, a.high / b.high}; }
  // Two roundings: not every machine has the instruction with one.
  static Vector multiply_add(Factor x, Vector w, Vector sum) {
    return {sum.low + x * w.low, sum.high + x * w.high};
  }

  // a > b ? a : b and a < b ? a : b: b also where either is NaN.
  static Vector larger(Vector a, Vector b) {
    return {a.low > b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
  }
  static Vector smaller(Vector a, Vector b) {
    return {a.low < b.low ? a.low : b.low, a.high < b.high ? a.high : b.high};
  }
  // test < 0 ? a : b
  static Vector where_negative(Vector test, Vector a, Vector b) {
    return {test.low < 0 ? a.low : b.low, test.high < 0 ? a.high : b.high};
  }
  // isnan(test) ? a : b
  static Vector where_nan(Vector test, Vector a, Vector b) {
    return {test.low == test.low ? b.low : a.low, test.high == test.high ? b.high : a.high};
  }
};

}  // namespace
}  // namespace bnn
