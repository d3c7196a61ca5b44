#include "ops/layout.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace bnn {
namespace {

class Reshape final : public Op {
 public:
  Reshape(const std::string& name, std::vector<std::int64_t> target, ElementType type)
      : Op(name), target_(std::move(target)), type_(type) {
    if (type == ElementType::bits) bad_model("packed bits cannot be reshaped");
    if (target_.size() > static_cast<std::size_t>(kMaxRank) ||
        std::count(target_.begin(), target_.end(), -1) > 1 ||
        std::any_of(target_.begin(), target_.end(), [](std::int64_t d) { return d < -1; })) {
      bad_model("invalid reshape target");
    }
  }

  TensorType input_type(std::size_t) const override { return type_; }
  TensorType output_type(std::size_t) const override { return type_; }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    Shape out{std::span<const std::int64_t>(target_)};
    int free_axis = -1;
    for (int axis = 0; axis < out.rank(); ++axis) {
      if (out[axis] == 0) {
        if (axis >= in.rank()) bad_shape("reshape copies an axis that " + in.text() + " lacks");
        out[axis] = in[axis];
      } else if (out[axis] == -1) {
        free_axis = axis;
        out[axis] = 1;
      }
    }
    const std::int64_t total = in.elements();
    const std::int64_t known = out.elements();
    if (free_axis >= 0) out[free_axis] = known == 0 ? 0 : total / known;
    if (out.elements() != total) {
      bad_shape("cannot reshape " + in.text() + " to " + out.text());
    }
    return out;
  }
  bool is_view() const override { return true; }
  void run(const OpContext&) const override {}

 private:
  std::vector<std::int64_t> target_;
  ElementType type_;
};

class Copy final : public Op {
 public:
  Copy(const std::string& name, ElementType type) : Op(name), type_(type) {}

  TensorType input_type(std::size_t) const override { return type_; }
  TensorType output_type(std::size_t) const override { return type_; }
  Shape infer(std::span<const Shape> inputs) const override { return inputs[0]; }
  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    if (in.shape.elements() == 0) return;
    std::memcpy(context.output().data, in.data, tensor_bytes(type_, in.shape));
  }

 private:
  ElementType type_;
};

// An axis of a permutation's output.
struct MovedAxis {
  std::int64_t extent;
  std::int64_t in_stride;
  std::int64_t out_stride;
};

// Axes of a permutation, outermost first.
class MovedAxes {
 public:
  void add(const MovedAxis& axis) { axes_[static_cast<std::size_t>(count_++)] = axis; }
  MovedAxis& back() { return axes_[static_cast<std::size_t>(count_ - 1)]; }
  std::span<const MovedAxis> span() const {
    return {axes_.data(), static_cast<std::size_t>(count_)};
  }
  bool empty() const { return count_ == 0; }

 private:
  std::array<MovedAxis, kMaxRank> axes_{};
  int count_ = 0;
};

// body(offset in the input, offset in the output) for every index of `axes`.
template <class Body>
void for_each(std::span<const MovedAxis> axes, std::int64_t in, std::int64_t out,
              const Body& body) {
  if (axes.empty()) return body(in, out);
  for (std::int64_t i = 0; i < axes.front().extent; ++i) {
    for_each(axes.subspan(1), in, out, body);
    in += axes.front().in_stride;
    out += axes.front().out_stride;
  }
}

class Permute final : public Op {
 public:
  Permute(const std::string& name, std::vector<int> order, const KernelSet& kernels,
          ElementType type)
      : Op(name), order_(std::move(order)), type_(type), transpose_(kernels.transpose_f32) {
    if (type == ElementType::bits) bad_model("axes of packed bits cannot be permuted");
    std::vector<int> sorted = order_;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      if (sorted[i] != static_cast<int>(i)) bad_model("not a permutation of axes");
    }
    if (order_.empty() || order_.size() > static_cast<std::size_t>(kMaxRank)) {
      bad_model("permutation of " + std::to_string(order_.size()) + " axes");
    }
  }

  TensorType input_type(std::size_t) const override { return type_; }
  TensorType output_type(std::size_t) const override { return type_; }
  std::string kernel() const override {
    return element_bytes(type_) == sizeof(float) ? transpose_.name() : Op::kernel();
  }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() != static_cast<int>(order_.size())) {
      bad_shape("permutation of " + std::to_string(order_.size()) + " axes on " + in.text());
    }
    Shape out = in;
    for (int axis = 0; axis < in.rank(); ++axis) out[axis] = in[source_axis(axis)];
    return out;
  }

  void run(const OpContext& context) const override {
    switch (element_bytes(type_)) {
      case 1:
        return move<std::uint8_t>(context);
      case 2:
        return move<std::uint16_t>(context);
      case 4:
        return move<float>(context);
      default:
        return move<std::uint64_t>(context);
    }
  }

 private:
  int source_axis(int axis) const { return order_[static_cast<std::size_t>(axis)]; }

  template <class T>
  void move(const OpContext& context) const {
    const TensorView& in = context.input(0);
    const T* source = in.as<T>();
    T* target = context.output().as<T>();
    if (in.shape.elements() == 0) return;
    MovedAxes axes = moved_axes(in.shape);
    const MovedAxis last = axes.back();
    // The input's innermost axis: where it is not the output's as well, the two span a matrix that
    // is transposed.
    MovedAxis column{};
    MovedAxes outer;
    for (const MovedAxis& axis : axes.span().first(axes.span().size() - 1)) {
      if (axis.in_stride == 1) {
        column = axis;
      } else {
        outer.add(axis);
      }
    }
    if (last.in_stride == 1) {
      const std::size_t bytes = static_cast<std::size_t>(last.extent) * sizeof(T);
      for_each(outer.span(), 0, 0, [&](std::int64_t from, std::int64_t to) {
        std::memcpy(target + to, source + from, bytes);
      });
    } else {
      for_each(outer.span(), 0, 0, [&](std::int64_t from, std::int64_t to) {
        transpose(source + from, last, column, target + to);
      });
    }
  }

  void transpose(const float* in, const MovedAxis& row, const MovedAxis& column, float* out) const {
    transpose_.run(in, row.in_stride, row.extent, column.extent, out, column.out_stride);
  }
  template <class T>
  void transpose(const T* in, const MovedAxis& row, const MovedAxis& column, T* out) const {
    for (std::int64_t c = 0; c < column.extent; ++c) {
      for (std::int64_t r = 0; r < row.extent; ++r) {
        out[c * column.out_stride + r] = in[r * row.in_stride + c];
      }
    }
  }

  // The output's axes, without those of extent 1, and with neighbours merged that are neighbours in
  // the input as well. At least one; exactly one has in_stride 1.
  MovedAxes moved_axes(const Shape& in) const {
    std::array<std::int64_t, kMaxRank> strides{};
    std::int64_t step = 1;
    for (int axis = in.rank() - 1; axis >= 0; --axis) {
      strides[static_cast<std::size_t>(axis)] = step;
      step *= in[axis];
    }
    MovedAxes axes;
    std::int64_t out_stride = step;
    for (int axis = 0; axis < in.rank(); ++axis) {
      const std::int64_t extent = in[source_axis(axis)];
      const std::int64_t in_stride = strides[static_cast<std::size_t>(source_axis(axis))];
      out_stride /= extent;
      if (extent == 1) continue;
      if (!axes.empty() && axes.back().in_stride == in_stride * extent) {
        axes.back() = {axes.back().extent * extent, in_stride, out_stride};
      } else {
        axes.add({extent, in_stride, out_stride});
      }
    }
    if (axes.empty()) axes.add({1, 1, 1});
    return axes;
  }

  std::vector<int> order_;
  ElementType type_;
  Variant<TransposeF32Fn> transpose_;
};

}  // namespace

Shape channels_last(const Shape& shape) {
  Shape out = shape;
  for (int axis = 2; axis < shape.rank(); ++axis) out[axis - 1] = shape[axis];
  out[shape.rank() - 1] = shape[1];
  return out;
}

std::unique_ptr<Op> make_reshape(const std::string& name, std::vector<std::int64_t> target,
                                 ElementType type) {
  return std::make_unique<Reshape>(name, std::move(target), type);
}
std::unique_ptr<Op> make_copy(const std::string& name, ElementType type) {
  return std::make_unique<Copy>(name, type);
}
std::unique_ptr<Op> make_permute(const std::string& name, std::vector<int> order,
                                 const KernelSet& kernels, ElementType type) {
  return std::make_unique<Permute>(name, std::move(order), kernels, type);
}

}  // namespace bnn
