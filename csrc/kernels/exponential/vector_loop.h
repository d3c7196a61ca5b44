// The functions of family exponential on the vectors of an instruction set (vectors/f32_<isa>.h).
// Internal linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include "kernels/exponential/exponential.h"

namespace bnn {
namespace {

// a + b·c in two roundings, as every instruction set has it.
template <class V>
typename V::Vector plus_product(float a, typename V::Vector b, typename V::Vector c) {
  return V::add(V::constant(a), V::mul(b, c));
}

// x = n·ln 2 + r with |r| ≤ ln 2 / 2, where ln 2 is the sum of a number of 9 bits, whose products
// with n are exact, and of a rest. e^r is its series up to r^7 (the next term is below 2^-26). 2^n
// is multiplied in two factors, each of which is a normal number: e^x may be subnormal or infinite.
template <class V>
struct Exponential {
  using Vector = typename V::Vector;
  static Vector of(Vector x) {
    constexpr float kRound = 0x1.8p23f;  // adding it rounds to an integer
    const auto rounded = [](Vector y) {
      return V::add(V::add(y, V::constant(kRound)), V::constant(-kRound));
    };
    const Vector bounded = V::smaller(V::constant(150.0f), V::larger(x, V::constant(-150.0f)));
    const Vector n = rounded(V::mul(bounded, V::constant(0x1.715476p0f)));
    Vector r = V::add(bounded, V::mul(n, V::constant(-0x1.63p-1f)));
    r = V::add(r, V::mul(n, V::constant(0x1.bd0106p-13f)));
    Vector power = plus_product<V>(1.0f / 720, V::constant(1.0f / 5040), r);
    power = plus_product<V>(1.0f / 120, power, r);
    power = plus_product<V>(1.0f / 24, power, r);
    power = plus_product<V>(1.0f / 6, power, r);
    power = plus_product<V>(0.5f, power, r);
    power = V::add(V::add(V::mul(V::mul(power, r), r), r), V::constant(1.0f));
    const Vector half = rounded(V::mul(n, V::constant(0.5f)));
    const Vector rest = V::add(n, V::mul(half, V::constant(-1.0f)));
    power = V::mul(V::mul(power, V::power_of_two(half)), V::power_of_two(rest));
    return V::where_nan(x, x, power);
  }
};

template <class V>
typename V::Vector negated_magnitude(typename V::Vector x) {
  return V::smaller(x, V::mul(x, V::constant(-1.0f)));
}

// e^−|x| is at most 1, so that neither form of the quotient overflows.
template <class V>
struct Sigmoid {
  using Vector = typename V::Vector;
  static Vector of(Vector x) {
    const Vector power = Exponential<V>::of(negated_magnitude<V>(x));
    const Vector one = V::constant(1.0f);
    return V::div(V::where_negative(x, power, one), V::add(one, power));
  }
};

// Near 0 the first terms of the continued fraction x / (1 + x² / (3 + x² / (5 + ...))), elsewhere
// ±(1 − e^−2|x|) / (1 + e^−2|x|).
template <class V>
struct HyperbolicTangent {
  using Vector = typename V::Vector;
  static Vector of(Vector x) {
    const Vector square = V::mul(x, x);
    const Vector above =
        plus_product<V>(945.0f, plus_product<V>(105.0f, V::constant(1.0f), square), square);
    const Vector below =
        plus_product<V>(945.0f, plus_product<V>(420.0f, V::constant(15.0f), square), square);
    const Vector near = V::mul(x, V::div(above, below));

    const Vector negative = negated_magnitude<V>(x);
    const Vector power = Exponential<V>::of(V::add(negative, negative));
    const Vector one = V::constant(1.0f), minus = V::constant(-1.0f);
    const Vector far = V::div(V::add(one, V::mul(power, minus)), V::add(one, power));
    const Vector distance = V::add(negative, V::constant(0.625f));
    const Vector result =
        V::where_negative(distance, V::where_negative(x, V::mul(far, minus), far), near);
    return V::where_nan(x, x, result);
  }
};

template <class V, class Function>
void each_vector(const float* x, std::ptrdiff_t count, float* out) {
  std::ptrdiff_t i = 0;
  for (; i + V::kLanes <= count; i += V::kLanes) {
    V::store(out + i, Function::of(V::load(x + i)));
  }
  if (i < count) {
    const typename V::Tail lanes = V::tail(count - i);
    V::store(out + i, Function::of(V::load(x + i, lanes)), lanes);
  }
}

}  // namespace
}  // namespace bnn
