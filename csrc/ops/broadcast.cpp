#include "ops/broadcast.h"

#include <algorithm>

namespace bnn {

std::optional<Shape> broadcast_shape(std::span<const Shape> shapes) {
  int rank = 0;
  for (const Shape& shape : shapes) rank = std::max(rank, shape.rank());
  std::array<std::int64_t, kMaxRank> extents{};
  for (int axis = 0; axis < rank; ++axis) {
    std::int64_t extent = 1;
    for (const Shape& shape : shapes) {
      const int own = axis - (rank - shape.rank());
      if (own < 0 || shape[own] == 1) continue;
      if (extent != 1 && extent != shape[own]) return std::nullopt;
      extent = shape[own];
    }
    extents[static_cast<std::size_t>(axis)] = extent;
  }
  return Shape(std::span<const std::int64_t>(extents.data(), static_cast<std::size_t>(rank)));
}

BroadcastRuns::BroadcastRuns(std::span<const Shape> operands, const Shape& result)
    : empty_(result.elements() == 0) {
  Offsets steps;  // of the operands' next axis, in elements
  steps.fill(1);
  for (int axis = result.rank() - 1; axis >= 0; --axis) {
    Axis next{result[axis], {}};
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const int own = axis - (result.rank() - operands[i].rank());
      const std::int64_t extent = own < 0 ? 1 : operands[i][own];
      if (extent == 1) continue;
      next.strides[i] = steps[i];
      steps[i] *= extent;
    }
    if (next.extent == 1) continue;
    Axis* inner = rank_ > 0 ? &axes_[static_cast<std::size_t>(rank_ - 1)] : nullptr;
    bool merges = inner != nullptr;
    for (std::size_t i = 0; merges && i < operands.size(); ++i) {
      merges = next.strides[i] == inner->strides[i] * inner->extent;
    }
    if (merges) {
      inner->extent *= next.extent;
    } else {
      axes_[static_cast<std::size_t>(rank_++)] = next;
    }
  }
  count_ = axes_[0].extent;
}

}  // namespace bnn
