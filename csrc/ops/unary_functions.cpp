#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>
#include <type_traits>

#include "ops/element_loops.h"

namespace bnn {
namespace {

// Attributes in the type that the function is computed in.
template <class T>
T first(const Parameters& parameters) {
  return static_cast<T>(parameters[0]);
}
template <class T>
T second(const Parameters& parameters) {
  return static_cast<T>(parameters[1]);
}

template <class T>
T negated(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    return -x;
  } else {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(Unsigned{} - static_cast<Unsigned>(x));
  }
}

struct Abs {
  template <class T>
  static T of(T x, const Parameters&) {
    if constexpr (std::is_floating_point_v<T>) return std::fabs(x);
    return x < 0 ? negated(x) : x;
  }
};
struct Neg {
  static auto of(auto x, const Parameters&) { return negated(x); }
};
struct Sign {
  template <class T>
  static T of(T x, const Parameters&) {
    const T sign = static_cast<T>(static_cast<int>(x > 0) - static_cast<int>(x < 0));
    return x != x ? x : sign;
  }
};

struct Floor {
  static auto of(auto x, const Parameters&) { return std::floor(x); }
};
struct Ceil {
  static auto of(auto x, const Parameters&) { return std::ceil(x); }
};
// Runs are made in the default rounding mode (base/float_environment.h): ties to even.
struct Round {
  static auto of(auto x, const Parameters&) { return std::nearbyint(x); }
};
struct Sqrt {
  static auto of(auto x, const Parameters&) { return std::sqrt(x); }
};
struct Reciprocal {
  template <class T>
  static T of(T x, const Parameters&) {
    return T{1} / x;
  }
};

struct Exp {
  static auto of(auto x, const Parameters&) { return std::exp(x); }
};
struct Log {
  static auto of(auto x, const Parameters&) { return std::log(x); }
};
struct Erf {
  static auto of(auto x, const Parameters&) { return std::erf(x); }
};
struct Sin {
  static auto of(auto x, const Parameters&) { return std::sin(x); }
};
struct Cos {
  static auto of(auto x, const Parameters&) { return std::cos(x); }
};
struct Tan {
  static auto of(auto x, const Parameters&) { return std::tan(x); }
};
struct Asin {
  static auto of(auto x, const Parameters&) { return std::asin(x); }
};
struct Acos {
  static auto of(auto x, const Parameters&) { return std::acos(x); }
};
struct Atan {
  static auto of(auto x, const Parameters&) { return std::atan(x); }
};
struct Sinh {
  static auto of(auto x, const Parameters&) { return std::sinh(x); }
};
struct Cosh {
  static auto of(auto x, const Parameters&) { return std::cosh(x); }
};
struct Tanh {
  static auto of(auto x, const Parameters&) { return std::tanh(x); }
};
struct Asinh {
  static auto of(auto x, const Parameters&) { return std::asinh(x); }
};
struct Acosh {
  static auto of(auto x, const Parameters&) { return std::acosh(x); }
};
struct Atanh {
  static auto of(auto x, const Parameters&) { return std::atanh(x); }
};

struct Relu {
  template <class T>
  static T of(T x, const Parameters&) {
    return x < 0 ? T{0} : x;
  }
};
// alpha
struct LeakyRelu {
  template <class T>
  static T of(T x, const Parameters& parameters) {
    return x < 0 ? first<T>(parameters) * x : x;
  }
};
struct ThresholdedRelu {
  template <class T>
  static T of(T x, const Parameters& parameters) {
    return x > first<T>(parameters) ? x : T{0};
  }
};
// e^x − 1 below 0 is the same function of the exponential ones.
struct Elu {
  template <class T>
  static T of(T x, const Parameters& parameters) {
    return x < 0 ? first<T>(parameters) * std::expm1(x) : x;
  }
};
struct Celu {
  template <class T>
  static T of(T x, const Parameters& parameters) {
    const T alpha = first<T>(parameters);
    return x < 0 ? alpha * std::expm1(x / alpha) : x;
  }
};
// alpha, gamma
struct Selu {
  template <class T>
  static T of(T x, const Parameters& parameters) {
    return second<T>(parameters) * Elu::of(x, parameters);
  }
};

// Neither branch overflows: e^-|x| is at most 1.
struct Sigmoid {
  template <class T>
  static T of(T x, const Parameters&) {
    const T power = std::exp(-std::fabs(x));
    return (x < 0 ? power : T{1}) / (T{1} + power);
  }
};
// alpha
struct Swish {
  template <class T>
  static T of(T x, const Parameters& parameters) {
    return x * Sigmoid::of(first<T>(parameters) * x, parameters);
  }
};
// alpha, beta; NaN stays NaN.
struct HardSigmoid {
  template <class T>
  static T of(T x, const Parameters& parameters) {
    const T line = first<T>(parameters) * x + second<T>(parameters);
    return line < 0 ? T{0} : line > 1 ? T{1} : line;
  }
};
struct HardSwish {
  template <class T>
  static T of(T x, const Parameters&) {
    return x * HardSigmoid::of(x, {1.0 / 6.0, 0.5});
  }
};
// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)
struct Softplus {
  template <class T>
  static T of(T x, const Parameters&) {
    return (x < 0 ? T{0} : x) + std::log1p(std::exp(-std::fabs(x)));
  }
};
struct Softsign {
  template <class T>
  static T of(T x, const Parameters&) {
    return x / (T{1} + std::fabs(x));
  }
};
struct Mish {
  template <class T>
  static T of(T x, const Parameters& parameters) {
    return x * std::tanh(Softplus::of(x, parameters));
  }
};
// 1 + erf(u) = erfc(−u) and 1 + tanh(u) = 2·sigmoid(2u): the sums would cancel for negative x.
struct Gelu {
  template <class T>
  static T of(T x, const Parameters&) {
    return T{0.5} * x * std::erfc(x * -(std::numbers::sqrt2_v<T> / 2));
  }
};
struct GeluTanh {
  template <class T>
  static T of(T x, const Parameters& parameters) {
    const T scale = 2 * std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
    return x * Sigmoid::of(scale * (x + static_cast<T>(0.044715) * x * x * x), parameters);
  }
};
// lambd, bias
struct Shrink {
  template <class T>
  static T of(T x, const Parameters& parameters) {
    const T limit = first<T>(parameters);
    const T bias = second<T>(parameters);
    return x < -limit ? x + bias : x > limit ? x - bias : T{0};
  }
};

struct Not {
  static bool of(bool x, const Parameters&) { return !x; }
};
struct BitwiseNot {
  template <class T>
  static T of(T x, const Parameters&) {
    return static_cast<T>(~x);
  }
};
struct IsNaN {
  static bool of(auto x, const Parameters&) { return x != x; }
};
// detect_negative, detect_positive
struct IsInf {
  template <class T>
  static bool of(T x, const Parameters& parameters) {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    return (x == -kInf && parameters[0] != 0) || (x == kInf && parameters[1] != 0);
  }
};

struct Row {
  std::string_view function;
  ElementLoop (*loop)(ElementType);
  double cycles_per_element;
  bool to_bool = false;
};

constexpr Row kRows[] = {
    {"Abs", &unary_for<Abs, kNumbers>, 1},
    {"Acos", &unary_for<Acos, kFloats>, 30},
    {"Acosh", &unary_for<Acosh, kFloats>, 60},
    {"Asin", &unary_for<Asin, kFloats>, 30},
    {"Asinh", &unary_for<Asinh, kFloats>, 60},
    {"Atan", &unary_for<Atan, kFloats>, 30},
    {"Atanh", &unary_for<Atanh, kFloats>, 60},
    {"BitwiseNot", &unary_for<BitwiseNot, kIntegers>, 1},
    {"Ceil", &unary_for<Ceil, kFloats>, 4},
    {"Celu", &unary_for<Celu, kFloats>, 30},
    {"Cos", &unary_for<Cos, kFloats>, 30},
    {"Cosh", &unary_for<Cosh, kFloats>, 40},
    {"Elu", &unary_for<Elu, kFloats>, 30},
    {"Erf", &unary_for<Erf, kFloats>, 40},
    {"Exp", &unary_for<Exp, kFloats>, 15},
    {"Floor", &unary_for<Floor, kFloats>, 4},
    {"Gelu", &unary_for<Gelu, kFloats>, 40},
    {"GeluTanh", &unary_for<GeluTanh, kFloats>, 40},
    {"HardSigmoid", &unary_for<HardSigmoid, kFloats>, 2},
    {"HardSwish", &unary_for<HardSwish, kFloats>, 2},
    {"IsInf", &unary_for<IsInf, kFloats, true>, 1, true},
    {"IsNaN", &unary_for<IsNaN, kFloats, true>, 1, true},
    {"LeakyRelu", &unary_for<LeakyRelu, kFloats>, 1},
    {"Log", &unary_for<Log, kFloats>, 15},
    {"Mish", &unary_for<Mish, kFloats>, 70},
    {"Neg", &unary_for<Neg, kNumbers>, 1},
    {"Not", &unary_for<Not, kBoolean>, 1},
    {"Reciprocal", &unary_for<Reciprocal, kFloats>, 4},
    {"Relu", &unary_for<Relu, kNumbers>, 1},
    {"Round", &unary_for<Round, kFloats>, 4},
    {"Selu", &unary_for<Selu, kFloats>, 30},
    {"Shrink", &unary_for<Shrink, kFloats>, 2},
    {"Sigmoid", &unary_for<Sigmoid, kFloats>, 20},
    {"Sign", &unary_for<Sign, kNumbers>, 1},
    {"Sin", &unary_for<Sin, kFloats>, 30},
    {"Sinh", &unary_for<Sinh, kFloats>, 40},
    {"Softplus", &unary_for<Softplus, kFloats>, 40},
    {"Softsign", &unary_for<Softsign, kFloats>, 4},
    {"Sqrt", &unary_for<Sqrt, kFloats>, 5},
    {"Swish", &unary_for<Swish, kFloats>, 20},
    {"Tan", &unary_for<Tan, kFloats>, 40},
    {"Tanh", &unary_for<Tanh, kFloats>, 30},
    {"ThresholdedRelu", &unary_for<ThresholdedRelu, kFloats>, 1},
};

}  // namespace

std::unique_ptr<Op> make_unary(const std::string& name, const std::string& function,
                               ElementType type, const Parameters& parameters) {
  ElementwiseSpec spec{name, {type}, type, nullptr, parameters};
  for (const Row& row : kRows) {
    if (row.function != function) continue;
    spec.loop = row.loop(type);
    spec.cycles_per_element = row.cycles_per_element;
    if (row.to_bool) spec.result = ElementType::boolean;
  }
  return make_elementwise(std::move(spec));
}

}  // namespace bnn
