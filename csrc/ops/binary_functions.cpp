#include <cmath>
#include <limits>
#include <string_view>
#include <type_traits>

#include "ops/element_loops.h"

namespace bnn {
namespace {

// Signed arithmetic beyond its range is undefined, unsigned arithmetic wraps. Numbers of fewer than
// 32 bits would be promoted to int.
template <class T, class Operation>
T wrapped(T x, T y, const Operation& operation) {
  if constexpr (std::is_floating_point_v<T>) {
    return operation(x, y);
  } else {
    using Unsigned = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    return static_cast<T>(operation(static_cast<Unsigned>(x), static_cast<Unsigned>(y)));
  }
}

struct Add {
  template <class T>
  static T of(T x, T y) {
    return wrapped(x, y, [](auto a, auto b) { return a + b; });
  }
};
struct Sub {
  template <class T>
  static T of(T x, T y) {
    return wrapped(x, y, [](auto a, auto b) { return a - b; });
  }
};
struct Mul {
  template <class T>
  static T of(T x, T y) {
    return wrapped(x, y, [](auto a, auto b) { return a * b; });
  }
};

// Dividing the smallest number by −1 is undefined; so the quotient by −1 is made by negation.
struct Div {
  template <class T>
  static T of(T x, T y) {
    if constexpr (std::is_floating_point_v<T>) {
      return x / y;
    } else {
      if (y == 0) return 0;
      if (std::is_signed_v<T> && y == static_cast<T>(-1)) return Sub::of(T{0}, x);
      return static_cast<T>(x / y);
    }
  }
};

// The remainder of truncated division has the sign of x, that of floored division the sign of y.
struct TruncatedMod {
  template <class T>
  static T of(T x, T y) {
    if constexpr (std::is_floating_point_v<T>) {
      return std::fmod(x, y);
    } else {
      if (y == 0 || (std::is_signed_v<T> && y == static_cast<T>(-1))) return 0;
      return static_cast<T>(x % y);
    }
  }
};
struct FlooredMod {
  template <class T>
  static T of(T x, T y) {
    const T remainder = TruncatedMod::of(x, y);
    if constexpr (std::is_floating_point_v<T>) {
      if (remainder == 0) return std::copysign(T{0}, y);
    }
    const bool moves = remainder != 0 && (remainder < 0) != (y < 0);
    return moves ? static_cast<T>(remainder + y) : remainder;
  }
};

// NaN where either operand is NaN.
struct Max {
  template <class T>
  static T of(T x, T y) {
    return x > y || x != x ? x : y;
  }
};
struct Min {
  template <class T>
  static T of(T x, T y) {
    return x < y || x != x ? x : y;
  }
};

struct PRelu {
  template <class T>
  static T of(T x, T slope) {
    return x < 0 ? Mul::of(x, slope) : x;
  }
};

// Shifts by a negative number of bits, or by all bits or more, leave what fills: the sign of x when
// shifting right, else 0.
template <class T>
bool shifts_all(T bits) {
  return bits < 0 || static_cast<std::uint64_t>(bits) >= 8 * sizeof(T);
}
struct ShiftLeft {
  template <class T>
  static T of(T x, T bits) {
    if (shifts_all(bits)) return 0;
    return static_cast<T>(static_cast<std::uint64_t>(x) << bits);
  }
};
struct ShiftRight {
  template <class T>
  static T of(T x, T bits) {
    if (shifts_all(bits)) return static_cast<T>(x < 0 ? -1 : 0);
    return static_cast<T>(x >> bits);
  }
};

struct BitwiseAnd {
  template <class T>
  static T of(T x, T y) {
    return static_cast<T>(x & y);
  }
};
struct BitwiseOr {
  template <class T>
  static T of(T x, T y) {
    return static_cast<T>(x | y);
  }
};
struct BitwiseXor {
  template <class T>
  static T of(T x, T y) {
    return static_cast<T>(x ^ y);
  }
};

// ONNX Runtime multiplies for these exponents, which std::pow need not round alike.
struct Pow {
  template <class T>
  static T of(T x, T y) {
    if (y == T{2}) return x * x;
    if (y == T{3}) return x * x * x;
    return std::pow(x, y);
  }
};

struct Row {
  std::string_view function;
  ElementLoop (*loop)(ElementType);
  double cycles_per_element;
};

constexpr Row kRows[] = {
    {"Add", &binary_for<Add, kNumbers>, 1},
    {"And", &binary_for<BitwiseAnd, kBoolean>, 1},
    {"BitwiseAnd", &binary_for<BitwiseAnd, kIntegers>, 1},
    {"BitwiseOr", &binary_for<BitwiseOr, kIntegers>, 1},
    {"BitwiseXor", &binary_for<BitwiseXor, kIntegers>, 1},
    {"Div", &binary_for<Div, kNumbers>, 4},
    {"FlooredMod", &binary_for<FlooredMod, kNumbers>, 20},
    {"Max", &binary_for<Max, kNumbers>, 1},
    {"Min", &binary_for<Min, kNumbers>, 1},
    {"Mul", &binary_for<Mul, kNumbers>, 1},
    {"Or", &binary_for<BitwiseOr, kBoolean>, 1},
    {"PRelu", &binary_for<PRelu, kNumbers>, 1},
    {"Pow", &binary_for<Pow, kFloats>, 60},
    {"ShiftLeft", &binary_for<ShiftLeft, kIntegers>, 1},
    {"ShiftRight", &binary_for<ShiftRight, kIntegers>, 1},
    {"Sub", &binary_for<Sub, kNumbers>, 1},
    {"TruncatedMod", &binary_for<TruncatedMod, kNumbers>, 20},
    {"Xor", &binary_for<BitwiseXor, kBoolean>, 1},
};

}  // namespace

std::unique_ptr<Op> make_binary(const std::string& name, const std::string& function,
                                ElementType type) {
  ElementwiseSpec spec{name, {type, type}, type, nullptr};
  for (const Row& row : kRows) {
    if (row.function != function) continue;
    spec.loop = row.loop(type);
    spec.cycles_per_element = row.cycles_per_element;
  }
  return make_elementwise(std::move(spec));
}

}  // namespace bnn
