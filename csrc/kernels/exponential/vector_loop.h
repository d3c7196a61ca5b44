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

// kCoefficients[0] + kCoefficients[1]·x + ...
template <class V, int kCount>
typename V::Vector polynomial(const float (&coefficients)[kCount], typename V::Vector x) {
  typename V::Vector y = V::constant(coefficients[kCount - 1]);
#pragma GCC unroll 16
  for (int i = kCount - 2; i >= 0; --i) y = plus_product<V>(coefficients[i], y, x);
  return y;
}

// 1 − erf(t) for t = −`negative` ≥ 0, whose logarithm is that of z = 1 / (1 + t/2), less t², and a
// polynomial of z: a least-maximum fit for t up to 10.2, where the result vanishes.
template <class V>
typename V::Vector complementary_error(typename V::Vector negative) {
  using Vector = typename V::Vector;
  constexpr float kLogarithm[] = {-1.26544637f,   0.998591706f,   0.387056839f,  0.0323430666f,
                                  0.00859627277f, -0.0951672573f, -0.677147975f, 1.14169270f,
                                  -0.674195367f,  0.143676434f};
  const Vector z = V::div(V::constant(1.0f), plus_product<V>(1.0f, negative, V::constant(-0.5f)));
  const Vector square = V::mul(negative, negative);
  const Vector exponent = V::add(polynomial<V>(kLogarithm, z), V::mul(square, V::constant(-1.0f)));
  return V::mul(z, Exponential<V>::of(exponent));
}

// Near 0 x times a polynomial of x², fitted to |x| ≤ 1.
template <class V>
struct ErrorFunction {
  using Vector = typename V::Vector;
  static Vector of(Vector x) {
    constexpr float kQuotient[] = {1.12837917f,    -0.376126271f,    0.112836002f,  -0.0268544446f,
                                   0.00518953534f, -0.000802084128f, 7.88911954e-5f};
    const Vector near = V::mul(x, polynomial<V>(kQuotient, V::mul(x, x)));
    const Vector negative = negated_magnitude<V>(x);
    const Vector minus = V::constant(-1.0f);
    const Vector far = V::add(V::constant(1.0f), V::mul(complementary_error<V>(negative), minus));
    const Vector distance = V::add(negative, V::constant(1.0f));
    const Vector result =
        V::where_negative(distance, V::where_negative(x, V::mul(far, minus), far), near);
    return V::where_nan(x, x, result);
  }
};

template <class V>
struct NormalDistribution {
  using Vector = typename V::Vector;
  static Vector of(Vector x) {
    const Vector negative = negated_magnitude<V>(V::mul(x, V::constant(0x1.6a09e6p-1f)));
    const Vector tail = V::mul(complementary_error<V>(negative), V::constant(0.5f));
    const Vector rest = V::add(V::constant(1.0f), V::mul(tail, V::constant(-1.0f)));
    return V::where_nan(x, x, V::where_negative(x, tail, rest));
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
