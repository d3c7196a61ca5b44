// A row-major tensor seen from one of its axes.
#pragma once

#include <cstdint>

#include "base/shape.h"

namespace bnn {

// Element i along the axis of line (o, j) lies at  (o · extent + i) · inner + j.
struct AxisSplit {
  AxisSplit(const Shape& shape, int axis)
      : outer(shape.product(0, axis)),
        extent(shape[axis]),
        inner(shape.product(axis + 1, shape.rank())) {}

  std::int64_t outer;
  std::int64_t extent;
  std::int64_t inner;
};

}  // namespace bnn
