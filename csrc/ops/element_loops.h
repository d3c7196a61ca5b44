// Loops over runs of elements, made of functions of single elements.
//
// A function is a class with `static auto of(x..., [parameters])` on the types that arithmetic is
// done in. 16-bit floats are widened and rounded in blocks around the loop for float.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "ops/element_types.h"
#include "ops/elementwise.h"

namespace bnn {

// Element types that a function takes.
enum TypeSet : unsigned {
  kFloats = 1,  // of every width
  kSigned = 2,
  kUnsigned = 4,
  kBoolean = 8,
  kIntegers = kSigned | kUnsigned,
  kNumbers = kFloats | kIntegers,
};

template <class T>
constexpr bool is_half = std::is_same_v<T, F16> || std::is_same_v<T, BF16>;

template <class T>
constexpr TypeSet type_set() {
  if constexpr (std::is_same_v<T, Bool>) {
    return kBoolean;
  } else if constexpr (is_half<T> || std::is_floating_point_v<T>) {
    return kFloats;
  } else {
    return std::is_signed_v<T> ? kSigned : kUnsigned;
  }
}

// Each loop is compiled once: noinline keeps copies out of through_floats().
template <class Function, class T, class Result>
[[gnu::noinline]] void unary_loop(const ElementRun& run) {
  const T* __restrict in = reinterpret_cast<const T*>(run.operands[0]);
  Result* __restrict out = reinterpret_cast<Result*>(run.result);
  const Parameters parameters = run.parameters;
  for (std::int64_t i = 0; i < run.count; ++i) {
    out[i] = Arithmetic<Result>::store(Function::of(Arithmetic<T>::load(in[i]), parameters));
  }
}

template <class Function, class T, class Result>
[[gnu::noinline]] void binary_loop(const ElementRun& run) {
  const T* __restrict a = reinterpret_cast<const T*>(run.operands[0]);
  const T* __restrict b = reinterpret_cast<const T*>(run.operands[1]);
  Result* __restrict out = reinterpret_cast<Result*>(run.result);
  const auto apply = [](ArithmeticType<T> x, ArithmeticType<T> y) {
    return Arithmetic<Result>::store(Function::of(x, y));
  };
  using Load = Arithmetic<T>;
  if (run.stays[0]) {
    const ArithmeticType<T> x = Load::load(*a);
    for (std::int64_t i = 0; i < run.count; ++i) out[i] = apply(x, Load::load(b[i]));
  } else if (run.stays[1]) {
    const ArithmeticType<T> y = Load::load(*b);
    for (std::int64_t i = 0; i < run.count; ++i) out[i] = apply(Load::load(a[i]), y);
  } else {
    for (std::int64_t i = 0; i < run.count; ++i) {
      out[i] = apply(Load::load(a[i]), Load::load(b[i]));
    }
  }
}

template <class Half>
[[gnu::noinline]] void widen(const Half* __restrict in, std::int64_t count, float* __restrict out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = Arithmetic<Half>::load(in[i]);
}
template <class Half>
[[gnu::noinline]] void narrow(const float* __restrict in, std::int64_t count,
                              Half* __restrict out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = Arithmetic<Half>::store(in[i]);
}

// `kLoop`, a loop of `kOperands` floats, for operands Half; Result is Half or Bool.
template <ElementLoop kLoop, std::size_t kOperands, class Half, class Result>
void through_floats(const ElementRun& run) {
  constexpr std::int64_t kBlock = 256;
  float wide[kOperands][kBlock];
  float sums[kBlock];
  ElementRun block = run;
  for (std::size_t i = 0; i < kOperands; ++i) {
    block.operands[i] = reinterpret_cast<const std::byte*>(wide[i]);
  }
  for (std::int64_t first = 0; first < run.count; first += kBlock) {
    block.count = std::min(kBlock, run.count - first);
    for (std::size_t i = 0; i < kOperands; ++i) {
      const Half* in = reinterpret_cast<const Half*>(run.operands[i]);
      const std::int64_t count = run.stays[i] ? 1 : block.count;
      if (!run.stays[i]) in += first;
      widen(in, count, wide[i]);
    }
    Result* out = reinterpret_cast<Result*>(run.result) + first;
    if constexpr (std::is_same_v<Result, Half>) {
      block.result = reinterpret_cast<std::byte*>(sums);
      kLoop(block);
      narrow(sums, block.count, out);
    } else {
      block.result = reinterpret_cast<std::byte*>(out);
      kLoop(block);
    }
  }
}

// Chooses loops by element type; null for types outside kTypes.
template <class Function, unsigned kTypes, bool kToBool = false>
ElementLoop unary_for(ElementType type) {
  ElementLoop loop = nullptr;
  visit_element(type, [&]<class T>(std::type_identity<T>) {
    using Result = std::conditional_t<kToBool, Bool, T>;
    if constexpr ((kTypes & type_set<T>()) == 0) {
      return;
    } else if constexpr (is_half<T>) {
      using Wide = std::conditional_t<kToBool, Bool, float>;
      loop = through_floats<unary_loop<Function, float, Wide>, 1, T, Result>;
    } else {
      loop = unary_loop<Function, T, Result>;
    }
  });
  return loop;
}

template <class Function, unsigned kTypes, bool kToBool = false>
ElementLoop binary_for(ElementType type) {
  ElementLoop loop = nullptr;
  visit_element(type, [&]<class T>(std::type_identity<T>) {
    using Result = std::conditional_t<kToBool, Bool, T>;
    if constexpr ((kTypes & type_set<T>()) == 0) {
      return;
    } else if constexpr (is_half<T>) {
      using Wide = std::conditional_t<kToBool, Bool, float>;
      loop = through_floats<binary_loop<Function, float, Wide>, 2, T, Result>;
    } else {
      loop = binary_loop<Function, T, Result>;
    }
  });
  return loop;
}

}  // namespace bnn
