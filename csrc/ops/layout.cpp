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
  using Op::Op;
  Shape infer(std::span<const Shape> inputs) const override { return inputs[0]; }
  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    std::memcpy(context.output().data, in.data,
                static_cast<std::size_t>(in.shape.elements()) * sizeof(float));
  }
};

class Permute final : public Op {
 public:
  Permute(const std::string& name, std::vector<int> order, ElementType type)
      : Op(name), order_(std::move(order)), type_(type) {
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
    if (type_ == ElementType::f32) {
      move<float>(context);
    } else {
      move<std::uint8_t>(context);
    }
  }

 private:
  int source_axis(int axis) const { return order_[static_cast<std::size_t>(axis)]; }

  template <class T>
  void move(const OpContext& context) const {
    const TensorView& in = context.input(0);
    const Shape& shape = context.output().shape;
    const int rank = shape.rank();
    std::array<std::int64_t, kMaxRank> in_strides{};
    std::int64_t step = 1;
    for (int axis = rank - 1; axis >= 0; --axis) {
      in_strides[static_cast<std::size_t>(axis)] = step;
      step *= in.shape[axis];
    }
    std::array<std::int64_t, kMaxRank> strides{};
    for (int axis = 0; axis < rank; ++axis) {
      strides[static_cast<std::size_t>(axis)] =
          in_strides[static_cast<std::size_t>(source_axis(axis))];
    }
    const T* source = in.as<T>();
    T* target = context.output().as<T>();
    const std::int64_t inner = shape.back();
    const std::int64_t inner_stride = strides[static_cast<std::size_t>(rank - 1)];
    const std::int64_t outer = shape.product(0, rank - 1);
    std::array<std::int64_t, kMaxRank> index{};
    for (std::int64_t row = 0; row < outer; ++row) {
      std::int64_t offset = 0;
      for (int axis = 0; axis < rank - 1; ++axis) {
        offset += index[static_cast<std::size_t>(axis)] * strides[static_cast<std::size_t>(axis)];
      }
      for (std::int64_t i = 0; i < inner; ++i) *target++ = source[offset + i * inner_stride];
      for (int axis = rank - 2; axis >= 0; --axis) {
        if (++index[static_cast<std::size_t>(axis)] < shape[axis]) break;
        index[static_cast<std::size_t>(axis)] = 0;
      }
    }
  }

  std::vector<int> order_;
  ElementType type_;
};

}  // namespace

std::unique_ptr<Op> make_reshape(const std::string& name, std::vector<std::int64_t> target,
                                 ElementType type) {
  return std::make_unique<Reshape>(name, std::move(target), type);
}
std::unique_ptr<Op> make_copy(const std::string& name) { return std::make_unique<Copy>(name); }
std::unique_ptr<Op> make_permute(const std::string& name, std::vector<int> order,
                                 ElementType type) {
  return std::make_unique<Permute>(name, std::move(order), type);
}

}  // namespace bnn
