// The C++ types of tensor elements, and choosing code by element type.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/op.h"

namespace bnn {

// IEEE 754 binary16 and the upper half of a binary32. Arithmetic on them is done in float.
struct F16 {
  std::uint16_t bits;
};
struct BF16 {
  std::uint16_t bits;
};
// A byte of 0 or 1. Readers take any other byte for 1: NumPy lets callers make such arrays.
struct Bool {
  std::uint8_t byte;
};

// A scale by 2^112 moves the exponent's bias; it is exact, for subnormal numbers too.
inline float to_float(F16 x) {
  const std::uint32_t magnitude = (x.bits & 0x7FFFu) << 13;
  const std::uint32_t scaled =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  const bool finite = (x.bits & 0x7C00u) != 0x7C00u;
  const std::uint32_t sign = (x.bits & 0x8000u) << 16;
  return std::bit_cast<float>(sign | (finite ? scaled : magnitude | 0x7F800000u));
}
inline float to_float(BF16 x) { return std::bit_cast<float>(std::uint32_t{x.bits} << 16); }

// Rounded to nearest, ties to even.
inline F16 to_f16(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  const std::uint32_t even = (magnitude >> 13) & 1u;
  const std::uint32_t normal = (magnitude + 0xFFFu + even - (112u << 23)) >> 13;
  // 0.5 has the unit in the last place of binary16's subnormal numbers.
  const std::uint32_t subnormal =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) -
      std::bit_cast<std::uint32_t>(0.5f);
  std::uint32_t half = magnitude < 0x38800000u ? subnormal : normal;
  half = magnitude >= 0x47800000u ? 0x7C00u : half;
  half = magnitude > 0x7F800000u ? 0x7E00u : half;
  return {static_cast<std::uint16_t>((bits >> 16 & 0x8000u) | half)};
}
inline BF16 to_bf16(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
  return {static_cast<std::uint16_t>(is_nan ? (bits >> 16 | 0x40u) : rounded)};
}

// The type that arithmetic on elements T is done in: T itself, float for the 16-bit floats.
template <class T>
struct Arithmetic {
  using Type = T;
  static T load(T x) { return x; }
  static T store(T x) { return x; }
};
template <>
struct Arithmetic<F16> {
  using Type = float;
  static float load(F16 x) { return to_float(x); }
  static F16 store(float x) { return to_f16(x); }
};
template <>
struct Arithmetic<BF16> {
  using Type = float;
  static float load(BF16 x) { return to_float(x); }
  static BF16 store(float x) { return to_bf16(x); }
};
template <>
struct Arithmetic<Bool> {
  using Type = bool;
  static bool load(Bool x) { return x.byte != 0; }
  static Bool store(bool x) { return {x}; }
};
template <class T>
using ArithmeticType = typename Arithmetic<T>::Type;

// visitor(std::type_identity<T>{}) for the C++ type T of elements `type`, which is not bits.
template <class Visitor>
void visit_element(ElementType type, const Visitor& visitor) {
  switch (type) {
    case ElementType::f32:
      return visitor(std::type_identity<float>{});
    case ElementType::f64:
      return visitor(std::type_identity<double>{});
    case ElementType::f16:
      return visitor(std::type_identity<F16>{});
    case ElementType::bf16:
      return visitor(std::type_identity<BF16>{});
    case ElementType::i8:
      return visitor(std::type_identity<std::int8_t>{});
    case ElementType::u8:
      return visitor(std::type_identity<std::uint8_t>{});
    case ElementType::i16:
      return visitor(std::type_identity<std::int16_t>{});
    case ElementType::u16:
      return visitor(std::type_identity<std::uint16_t>{});
    case ElementType::i32:
      return visitor(std::type_identity<std::int32_t>{});
    case ElementType::u32:
      return visitor(std::type_identity<std::uint32_t>{});
    case ElementType::i64:
      return visitor(std::type_identity<std::int64_t>{});
    case ElementType::u64:
      return visitor(std::type_identity<std::uint64_t>{});
    case ElementType::boolean:
      return visitor(std::type_identity<Bool>{});
    case ElementType::bits:
      return;
  }
}

}  // namespace bnn
