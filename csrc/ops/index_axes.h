// Elements picked axis by axis: slices, padding, repetition, gathering by constant indices.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "ops/op.h"

namespace bnn {

// The axis stays as it is.
struct KeepAxis {};

// Positions first, first + step, ... before `last`; both ends count from the back where negative
// and are clamped to the axis, as in ONNX Slice.
struct SliceAxis {
  std::int64_t first;
  std::int64_t last;
  std::int64_t step;
};

// Positions −before ... extent + after − 1, of which those outside the axis are filled.
struct PadAxis {
  std::int64_t before;
  std::int64_t after;
};

// The listed positions of an axis of `extent`; −1 is filled.
struct ListAxis {
  std::int64_t extent;
  std::vector<std::int64_t> positions;
};

using AxisIndex = std::variant<KeepAxis, SliceAxis, PadAxis, ListAxis>;

// out[i0, i1, ...] = in[p0(i0), p1(i1), ...] with the positions p of `axes`, one entry per axis, or
// `fill`, an element's bytes, where a position is outside. Packed bits may be picked along all axes
// but the channels, and never filled (`fill` is empty then).
std::unique_ptr<Op> make_index_axes(const std::string& name, std::vector<AxisIndex> axes,
                                    TensorType type, std::vector<std::byte> fill);

}  // namespace bnn
