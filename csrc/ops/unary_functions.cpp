#include <algorithm>
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

// x times a gate: another function, of family exponential, of an argument made of x.
// alpha
struct Swish {
  template <class T>
  static T argument(T x, const Parameters& parameters) {
    return first<T>(parameters) * x;
  }
  static double gate(double x) { return Sigmoid::of(x, {}); }
};
struct Gelu {
  template <class T>
  static T argument(T x, const Parameters&) {
    return x;
  }
  // 1 + erf(u) = erfc(−u): the sum would cancel for negative u.
  static double gate(double x) { return 0.5 * std::erfc(x * -(std::numbers::sqrt2 / 2)); }
};
// 1 + tanh(u) = 2·sigmoid(2u): the sum would cancel for negative u.
struct GeluTanh {
  template <class T>
  static T argument(T x, const Parameters&) {
    const T scale = 2 * std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
    return scale * (x + static_cast<T>(0.044715) * x * x * x);
  }
  static double gate(double x) { return Sigmoid::of(x, {}); }
};
template <class Function>
struct Gated {
  static double of(double x, const Parameters& parameters) {
    return x * Function::gate(Function::argument(x, parameters));
  }
};

// The functions of family exponential, on floats.
void kernel_loop(const ElementRun& run) {
  run.kernel(reinterpret_cast<const float*>(run.operands[0]), run.count,
             reinterpret_cast<float*>(run.result));
}

// Gated<Function> by a kernel that computes the gates.
template <class Function>
void gated_loop(const ElementRun& run) {
  constexpr std::int64_t kBlock = 256;
  const float* x = reinterpret_cast<const float*>(run.operands[0]);
  float* out = reinterpret_cast<float*>(run.result);
  float gates[kBlock];
  for (std::int64_t first = 0; first < run.count; first += kBlock, x += kBlock, out += kBlock) {
    const std::int64_t count = std::min(kBlock, run.count - first);
    for (std::int64_t i = 0; i < count; ++i) gates[i] = Function::argument(x[i], run.parameters);
    run.kernel(gates, count, gates);
    for (std::int64_t i = 0; i < count; ++i) out[i] = x[i] * gates[i];
  }
}

// As unary_for(), where kLoop serves float by a kernel.
template <class Function, ElementLoop kLoop>
ElementLoop kernel_for(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return kLoop;
    case ElementType::f16:
      return through_floats<kLoop, 1, F16, F16>;
    case ElementType::bf16:
      return through_floats<kLoop, 1, BF16, BF16>;
    case ElementType::f64:
      return unary_loop<Function, double, double>;
    default:
      return nullptr;
  }
}

struct Row {
  std::string_view function;
  ElementLoop (*loop)(ElementType);
  double cycles_per_element;
  bool to_bool = false;
  Variant<ExponentialF32Fn> KernelSet::* kernel = nullptr;
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
    {"Erf", &kernel_for<Erf, kernel_loop>, 8, false, &KernelSet::erf_f32},
    {"Exp", &kernel_for<Exp, kernel_loop>, 4, false, &KernelSet::exp_f32},
    {"Floor", &unary_for<Floor, kFloats>, 4},
    {"Gelu", &kernel_for<Gated<Gelu>, gated_loop<Gelu>>, 8, false, &KernelSet::normal_f32},
    {"GeluTanh", &kernel_for<Gated<GeluTanh>, gated_loop<GeluTanh>>, 6, false,
     &KernelSet::sigmoid_f32},
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
    {"Sigmoid", &kernel_for<Sigmoid, kernel_loop>, 5, false, &KernelSet::sigmoid_f32},
    {"Sign", &unary_for<Sign, kNumbers>, 1},
    {"Sin", &unary_for<Sin, kFloats>, 30},
    {"Sinh", &unary_for<Sinh, kFloats>, 40},
    {"Softplus", &unary_for<Softplus, kFloats>, 40},
    {"Softsign", &unary_for<Softsign, kFloats>, 4},
    {"Sqrt", &unary_for<Sqrt, kFloats>, 5},
    {"Swish", &kernel_for<Gated<Swish>, gated_loop<Swish>>, 6, false, &KernelSet::sigmoid_f32},
    {"Tan", &unary_for<Tan, kFloats>, 40},
    {"Tanh", &kernel_for<Tanh, kernel_loop>, 8, false, &KernelSet::tanh_f32},
    {"ThresholdedRelu", &unary_for<ThresholdedRelu, kFloats>, 1},
};

}  // namespace

std::unique_ptr<Op> make_unary(const std::string& name, const std::string& function,
                               ElementType type, const Parameters& parameters,
                               const KernelSet& kernels) {
  ElementwiseSpec spec{name, {type}, type, nullptr, parameters};
  for (const Row& row : kRows) {
    if (row.function != function) continue;
    spec.loop = row.loop(type);
    spec.cycles_per_element = row.cycles_per_element;
    if (row.to_bool) spec.result = ElementType::boolean;
    if (row.kernel != nullptr && type != ElementType::f64) spec.kernel = kernels.*row.kernel;
  }
  return make_elementwise(std::move(spec));
}

}  // namespace bnn
