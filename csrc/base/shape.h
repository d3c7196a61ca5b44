// Tensor extents with overflow-checked sizes. No heap: shapes are made and compared on every call.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"

namespace bnn {

inline constexpr int kMaxRank = 8;

class Shape {
 public:
  Shape() = default;

  // Throws ShapeError when there are more than kMaxRank extents.
  explicit Shape(std::span<const std::int64_t> dims) {
    if (dims.size() > static_cast<std::size_t>(kMaxRank)) {
      throw ShapeError("a tensor has " + std::to_string(dims.size()) + " axes; at most " +
                       std::to_string(kMaxRank) + " are supported");
    }
    for (const std::int64_t dim : dims) dims_[static_cast<std::size_t>(rank_++)] = dim;
  }
  Shape(std::initializer_list<std::int64_t> dims)
      : Shape(std::span<const std::int64_t>(dims.begin(), dims.size())) {}

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t back() const { return (*this)[rank_ - 1]; }
  std::span<const std::int64_t> dims() const {
    return {dims_.data(), static_cast<std::size_t>(rank_)};
  }

  // Product of the extents of axes [first, last). Throws ShapeError where it exceeds 2^48.
  std::int64_t product(int first, int last) const {
    constexpr std::int64_t kLimit = std::int64_t{1} << 48;
    std::int64_t total = 1;
    for (int axis = first; axis < last; ++axis) {
      const std::int64_t dim = (*this)[axis];
      if (dim != 0 && total > kLimit / dim) {
        throw ShapeError("a tensor of shape " + text() + " is too large");
      }
      total *= dim;
    }
    return total;
  }
  std::int64_t elements() const { return product(0, rank_); }

  // "[2, 28, 28]"; an extent of −1 (free) is written "?".
  std::string text() const {
    std::string out = "[";
    for (int axis = 0; axis < rank_; ++axis) {
      if (axis > 0) out += ", ";
      out += (*this)[axis] < 0 ? "?" : std::to_string((*this)[axis]);
    }
    return out + "]";
  }

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && a.dims_ == b.dims_;
  }

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

}  // namespace bnn
