// Tensors of indices, which only a run can check.
#pragma once

#include <cstdint>
#include <string>

#include "ops/op.h"

namespace bnn {

// The elements of a tensor of i32 or i64.
class Indices {
 public:
  static bool takes(ElementType type) {
    return type == ElementType::i32 || type == ElementType::i64;
  }

  Indices(const TensorView& view, ElementType type)
      : view_(view), wide_(type == ElementType::i64) {}

  std::int64_t operator[](std::int64_t i) const {
    return wide_ ? view_.as<std::int64_t>()[i] : view_.as<std::int32_t>()[i];
  }

  // Element i as a position along an axis of `extent`: negative ones count from the back. Throws
  // Error for one outside of it.
  std::int64_t position(std::int64_t i, std::int64_t extent, const std::string& node) const {
    const std::int64_t index = (*this)[i];
    if (index < -extent || index >= extent) {
      throw Error("node '" + node + "': index " + std::to_string(index) +
                  " is outside an axis of extent " + std::to_string(extent));
    }
    return index < 0 ? index + extent : index;
  }

 private:
  const TensorView& view_;
  bool wide_;
};

}  // namespace bnn
