#include "ops/index_axes.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "ops/scratch.h"
#include "ops/stored.h"

namespace bnn {
namespace {

// Larger numbers in a file than any axis is long are cut to it, so that no sum overflows.
constexpr std::int64_t kFar = std::int64_t{1} << 50;

std::int64_t cut(std::int64_t number) { return std::clamp(number, -kFar, kFar); }

// Positions that an axis of `extent` gives to the output.
struct Positions {
  std::int64_t first;
  std::int64_t step;
  std::int64_t count;
  const std::int64_t* list = nullptr;  // instead of first and step

  std::int64_t operator[](std::int64_t i) const {
    return list != nullptr ? list[i] : first + i * step;
  }
};

Positions slice(const SliceAxis& axis, std::int64_t extent) {
  const auto from_front = [&](std::int64_t position) {
    return position < 0 ? position + extent : position;
  };
  const std::int64_t low = axis.step > 0 ? 0 : -1;
  const std::int64_t high = axis.step > 0 ? extent : extent - 1;
  const std::int64_t first =
      std::clamp(from_front(axis.first), std::int64_t{0}, std::max(high, std::int64_t{0}));
  const std::int64_t last = std::clamp(from_front(axis.last), low, high);
  const std::int64_t span = axis.step > 0 ? last - first : first - last;
  const std::int64_t stride = axis.step > 0 ? axis.step : -axis.step;
  const std::int64_t count = extent == 0 || span <= 0 ? 0 : (span - 1) / stride + 1;
  return {first, axis.step, count};
}

Positions positions_of(const AxisIndex& axis, std::int64_t extent) {
  if (const auto* found = std::get_if<SliceAxis>(&axis)) return slice(*found, extent);
  if (const auto* found = std::get_if<PadAxis>(&axis)) {
    return {-found->before, 1, extent + found->before + found->after};
  }
  if (const auto* found = std::get_if<ListAxis>(&axis)) {
    return {0, 0, static_cast<std::int64_t>(found->positions.size()), found->positions.data()};
  }
  return {0, 1, extent};
}

class IndexAxes final : public Op {
 public:
  IndexAxes(const std::string& name, std::vector<AxisIndex> axes, TensorType type,
            std::vector<std::byte> fill)
      : Op(name), axes_(std::move(axes)), type_(type), fill_(std::move(fill)) {
    if (axes_.size() > static_cast<std::size_t>(kMaxRank)) {
      bad_model("indices of " + std::to_string(axes_.size()) + " axes");
    }
    bool fills = false;
    for (AxisIndex& axis : axes_) {
      if (auto* found = std::get_if<SliceAxis>(&axis)) {
        *found = {cut(found->first), cut(found->last), cut(found->step)};
        if (found->step == 0) bad_model("a slice of step 0");
      } else if (auto* pad = std::get_if<PadAxis>(&axis)) {
        *pad = {cut(pad->before), cut(pad->after)};
        fills = fills || pad->before > 0 || pad->after > 0;
      } else if (const auto* list = std::get_if<ListAxis>(&axis)) {
        for (const std::int64_t position : list->positions) {
          if (position < -1 || position >= list->extent) {
            bad_model("position " + std::to_string(position) + " of an axis of extent " +
                      std::to_string(list->extent));
          }
          fills = fills || position < 0;
        }
      }
    }
    const bool bits = type.element == ElementType::bits;
    if (bits && !axes_.empty() && !std::holds_alternative<KeepAxis>(axes_.back())) {
      bad_model("packed channels cannot be picked");
    }
    if (fills && (bits || fill_.size() != element_bytes(type.element))) {
      bad_model("no element to fill with");
    }
    moved_ = static_cast<int>(axes_.size());
    while (moved_ > 0 &&
           std::holds_alternative<KeepAxis>(axes_[static_cast<std::size_t>(moved_ - 1)])) {
      --moved_;
    }
  }

  TensorType input_type(std::size_t) const override { return type_; }
  TensorType output_type(std::size_t) const override { return type_; }

  Shape infer(std::span<const Shape> inputs) const override {
    Shape out = inputs[0];
    if (out.rank() != static_cast<int>(axes_.size())) {
      bad_shape("indices of " + std::to_string(axes_.size()) + " axes on " + out.text());
    }
    for (int axis = 0; axis < out.rank(); ++axis) {
      const AxisIndex& index = axes_[static_cast<std::size_t>(axis)];
      const auto* list = std::get_if<ListAxis>(&index);
      if (list != nullptr && list->extent != out[axis]) {
        bad_shape("axis " + std::to_string(axis) + " of " + out.text() + " must have extent " +
                  std::to_string(list->extent));
      }
      out[axis] = positions_of(index, out[axis]).count;
      if (out[axis] < 0) bad_shape("more is cut off than there is of " + inputs[0].text());
    }
    if (out.elements() > std::max(kMaxMadeElements, inputs[0].elements())) {
      bad_shape("the result would have shape " + out.text());
    }
    return out;
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    const Shape out = infer(inputs);
    std::int64_t positions = 0;
    for (int axis = 0; axis < moved_; ++axis) positions += out[axis];
    return Scratch::bytes<std::int64_t>(positions);
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    TensorView& out = context.output();
    out.has_zeros = in.has_zeros;
    if (out.shape.elements() == 0) return;
    const Stored from = stored(type_, in.shape);
    const Stored to = stored(type_, out.shape);
    Walk walk;
    walk.block =
        static_cast<std::int64_t>(from.unit_bytes) * from.shape.product(moved_, from.shape.rank());
    auto* next = reinterpret_cast<std::int64_t*>(context.scratch);
    std::int64_t stride = walk.block;
    std::int64_t out_stride = walk.block;
    for (int axis = moved_ - 1; axis >= 0; --axis) {
      const auto a = static_cast<std::size_t>(axis);
      const std::int64_t extent = from.shape[axis];
      const Positions positions = positions_of(axes_[a], extent);
      walk.levels[a] = {next, positions.count, out_stride};
      for (std::int64_t i = 0; i < positions.count; ++i) {
        const std::int64_t position = positions[i];
        *next++ = position >= 0 && position < extent ? position * stride : -1;
      }
      stride *= extent;
      out_stride *= positions.count;
    }
    for (int plane = 0; plane < to.planes; ++plane) {
      const auto p = static_cast<std::size_t>(plane);
      pick(walk, 0, in.data + p * from.plane_bytes(), out.data + p * to.plane_bytes());
    }
  }

 private:
  // Bytes from the start of an axis to its picked positions, −1 where they are filled, and from one
  // output position to the next.
  struct Level {
    const std::int64_t* offsets;
    std::int64_t count;
    std::int64_t out_stride;
  };
  struct Walk {
    std::array<Level, kMaxRank> levels{};
    std::int64_t block;  // bytes behind the last axis that is not kept
  };

  void pick(const Walk& walk, int axis, const std::byte* in, std::byte* out) const {
    if (axis == moved_) {
      std::memcpy(out, in, static_cast<std::size_t>(walk.block));
      return;
    }
    const Level& level = walk.levels[static_cast<std::size_t>(axis)];
    if (axis == moved_ - 1) return pick_innermost(level, walk.block, in, out);
    for (std::int64_t i = 0; i < level.count; ++i, out += level.out_stride) {
      if (level.offsets[i] < 0) {
        fill(out, level.out_stride);
      } else {
        pick(walk, axis + 1, in + level.offsets[i], out);
      }
    }
  }

  // Neighbours that stay neighbours are moved together.
  void pick_innermost(const Level& level, std::int64_t block, const std::byte* in,
                      std::byte* out) const {
    const std::int64_t* offsets = level.offsets;
    for (std::int64_t i = 0; i < level.count;) {
      const std::int64_t first = offsets[i];
      std::int64_t run = 1;
      if (first < 0) {
        while (i + run < level.count && offsets[i + run] < 0) ++run;
        fill(out, run * block);
      } else {
        while (i + run < level.count && offsets[i + run] == first + run * block) ++run;
        std::memcpy(out, in + first, static_cast<std::size_t>(run * block));
      }
      out += run * block;
      i += run;
    }
  }

  void fill(std::byte* out, std::int64_t bytes) const {
    switch (fill_.size()) {
      case 1:
        return fill_with<std::uint8_t>(out, bytes);
      case 2:
        return fill_with<std::uint16_t>(out, bytes);
      case 4:
        return fill_with<std::uint32_t>(out, bytes);
      default:
        return fill_with<std::uint64_t>(out, bytes);
    }
  }
  template <class Unit>
  void fill_with(std::byte* out, std::int64_t bytes) const {
    Unit unit;
    std::memcpy(&unit, fill_.data(), sizeof(Unit));
    std::fill_n(reinterpret_cast<Unit*>(out), bytes / static_cast<std::int64_t>(sizeof(Unit)),
                unit);
  }

  std::vector<AxisIndex> axes_;
  TensorType type_;
  std::vector<std::byte> fill_;
  int moved_ = 0;  // axes up to the last one that is not kept
};

}  // namespace

std::unique_ptr<Op> make_index_axes(const std::string& name, std::vector<AxisIndex> axes,
                                    TensorType type, std::vector<std::byte> fill) {
  return std::make_unique<IndexAxes>(name, std::move(axes), type, std::move(fill));
}

}  // namespace bnn
