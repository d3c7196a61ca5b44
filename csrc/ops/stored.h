// A tensor's memory as an array of equal units, for ops that only move elements: a unit is an
// element, or a word of packed bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bits.h"
#include "base/shape.h"
#include "ops/op.h"

namespace bnn {

struct Stored {
  Shape shape;  // the last axis in units
  std::size_t unit_bytes;
  int planes;  // whole tensors that follow each other

  std::size_t plane_bytes() const {
    return static_cast<std::size_t>(shape.elements()) * unit_bytes;
  }
};

inline Stored stored(TensorType type, const Shape& shape) {
  Stored made{shape, element_bytes(type.element), type.planes};
  if (type.element == ElementType::bits) {
    made.shape[shape.rank() - 1] = words_for(shape.back());
    made.unit_bytes = static_cast<std::size_t>(kWordBytes);
  }
  return made;
}

// The largest tensor that an op makes of a smaller one. It bounds what numbers in a file can make
// the engine allocate.
inline constexpr std::int64_t kMaxMadeElements = std::int64_t{1} << 31;

}  // namespace bnn
