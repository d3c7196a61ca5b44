// NumPy-style broadcasting: which elements of the operands meet.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/shape.h"

namespace bnn {

inline constexpr std::size_t kMaxOperands = 3;

// The shape that operands of `shapes` give together; none where two extents differ and neither
// is 1.
std::optional<Shape> broadcast_shape(std::span<const Shape> shapes);

// The elements of a broadcast result in order, as runs over which each operand either advances
// element by element or stays on one element. Axes are merged where all operands allow it, so runs
// are as long as they can be.
class BroadcastRuns {
 public:
  using Offsets = std::array<std::int64_t, kMaxOperands>;  // in elements, of each operand

  BroadcastRuns(std::span<const Shape> operands, const Shape& result);

  std::int64_t count() const { return count_; }  // of elements in a run
  bool stays(std::size_t operand) const { return axes_[0].strides[operand] == 0; }

  // body(offsets of the operands, offset in the result) for every run.
  template <class Body>
  void for_each(const Body& body) const {
    if (empty_) return;
    Offsets offsets{};
    std::array<std::int64_t, kMaxRank> index{};
    for (std::int64_t done = 0;; done += count_) {
      body(offsets, done);
      int axis = 1;
      for (; axis < rank_; ++axis) {
        const Axis& moving = axes_[static_cast<std::size_t>(axis)];
        std::int64_t& at = index[static_cast<std::size_t>(axis)];
        const bool wraps = ++at == moving.extent;
        const std::int64_t steps = wraps ? 1 - moving.extent : 1;
        for (std::size_t i = 0; i < kMaxOperands; ++i) offsets[i] += steps * moving.strides[i];
        if (!wraps) break;
        at = 0;
      }
      if (axis >= rank_) return;
    }
  }

 private:
  struct Axis {
    std::int64_t extent = 1;
    Offsets strides{};
  };
  std::array<Axis, kMaxRank + 1> axes_{};  // innermost first
  int rank_ = 0;
  std::int64_t count_ = 1;
  bool empty_ = false;
};

}  // namespace bnn
