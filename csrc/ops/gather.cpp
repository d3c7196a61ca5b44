#include "ops/gather.h"

#include <array>
#include <cstring>
#include <vector>

#include "ops/axis_split.h"
#include "ops/indices.h"
#include "ops/stored.h"

namespace bnn {
namespace {

class GatherOp : public Op {
 public:
  GatherOp(const std::string& name, ElementType data, ElementType indices)
      : Op(name), data_(data), indices_(indices) {
    if (data == ElementType::bits || !Indices::takes(indices)) {
      bad_model("gathering " + TensorType(data).text() + " by " + TensorType(indices).text());
    }
  }

  std::size_t input_count() const override { return 2; }
  TensorType input_type(std::size_t index) const override { return index == 0 ? data_ : indices_; }
  TensorType output_type(std::size_t) const override { return data_; }

 protected:
  Indices indices(const OpContext& context) const { return {context.input(1), indices_}; }
  std::int64_t unit() const { return static_cast<std::int64_t>(element_bytes(data_)); }
  void copy(std::byte* to, const std::byte* from, std::int64_t bytes) const {
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
  Shape checked(std::span<const std::int64_t> extents) const {
    const Shape out(extents);
    if (out.elements() > kMaxMadeElements) bad_shape("the result would have shape " + out.text());
    return out;
  }

 private:
  ElementType data_;
  ElementType indices_;
};

class Gather final : public GatherOp {
 public:
  Gather(const std::string& name, int axis, ElementType data, ElementType indices)
      : GatherOp(name, data, indices), axis_(axis) {
    if (axis < 0 || axis >= kMaxRank) bad_model("axis " + std::to_string(axis));
  }

  Shape infer(std::span<const Shape> inputs) const override {
    const std::span<const std::int64_t> data = inputs[0].dims();
    const std::span<const std::int64_t> indices = inputs[1].dims();
    const auto axis = static_cast<std::size_t>(axis_);
    if (axis >= data.size()) bad_shape(inputs[0].text() + " has no axis " + std::to_string(axis_));
    std::vector<std::int64_t> extents(data.begin(), data.begin() + axis_);
    extents.insert(extents.end(), indices.begin(), indices.end());
    extents.insert(extents.end(), data.begin() + axis_ + 1, data.end());
    return checked(extents);
  }

  void run(const OpContext& context) const override {
    const AxisSplit data(context.input(0).shape, axis_);
    const Indices at = indices(context);
    const std::int64_t count = context.input(1).shape.elements();
    const std::int64_t block = data.inner * unit();
    const std::byte* in = context.input(0).data;
    std::byte* out = context.output().data;
    if (context.output().shape.elements() == 0) return;
    for (std::int64_t o = 0; o < data.outer; ++o, in += data.extent * block) {
      for (std::int64_t i = 0; i < count; ++i, out += block) {
        copy(out, in + at.position(i, data.extent, name()) * block, block);
      }
    }
  }

 private:
  int axis_;
};

class GatherElements final : public GatherOp {
 public:
  GatherElements(const std::string& name, int axis, ElementType data, ElementType indices)
      : GatherOp(name, data, indices), axis_(axis) {
    if (axis < 0 || axis >= kMaxRank) bad_model("axis " + std::to_string(axis));
  }

  Shape infer(std::span<const Shape> inputs) const override {
    bool fits = inputs[0].rank() == inputs[1].rank() && axis_ < inputs[0].rank();
    for (int axis = 0; fits && axis < inputs[0].rank(); ++axis) {
      fits = axis == axis_ || inputs[1][axis] <= inputs[0][axis];
    }
    if (!fits) bad_shape("cannot gather " + inputs[1].text() + " of " + inputs[0].text());
    return inputs[1];
  }

  void run(const OpContext& context) const override {
    const Shape& from = context.input(0).shape;
    const Shape& to = context.output().shape;
    const Indices at = indices(context);
    std::array<std::int64_t, kMaxRank> strides{};
    std::int64_t stride = unit();
    for (int axis = from.rank() - 1; axis >= 0; --axis) {
      strides[static_cast<std::size_t>(axis)] = stride;
      stride *= from[axis];
    }
    std::array<std::int64_t, kMaxRank> index{};
    std::byte* out = context.output().data;
    const std::int64_t count = to.elements();
    for (std::int64_t i = 0; i < count; ++i, out += unit()) {
      std::int64_t offset =
          at.position(i, from[axis_], name()) * strides[static_cast<std::size_t>(axis_)];
      for (int axis = 0; axis < to.rank(); ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        if (axis != axis_) offset += index[a] * strides[a];
      }
      copy(out, context.input(0).data + offset, unit());
      for (int axis = to.rank() - 1; axis >= 0; --axis) {
        std::int64_t& position = index[static_cast<std::size_t>(axis)];
        if (++position < to[axis]) break;
        position = 0;
      }
    }
  }

 private:
  int axis_;
};

class GatherNd final : public GatherOp {
 public:
  GatherNd(const std::string& name, int batch_axes, ElementType data, ElementType indices)
      : GatherOp(name, data, indices), batch_axes_(batch_axes) {
    if (batch_axes < 0 || batch_axes >= kMaxRank) {
      bad_model(std::to_string(batch_axes) + " batch axes");
    }
  }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& data = inputs[0];
    const Shape& indices = inputs[1];
    bool fits = indices.rank() > batch_axes_ && data.rank() > batch_axes_;
    for (int axis = 0; fits && axis < batch_axes_; ++axis) fits = data[axis] == indices[axis];
    if (!fits || indices.back() < 1 || indices.back() > data.rank() - batch_axes_) {
      bad_shape("cannot gather " + indices.text() + " of " + data.text());
    }
    std::vector<std::int64_t> extents(indices.dims().begin(), indices.dims().end() - 1);
    extents.insert(extents.end(), data.dims().begin() + batch_axes_ + indices.back(),
                   data.dims().end());
    return checked(extents);
  }

  void run(const OpContext& context) const override {
    const Shape& data = context.input(0).shape;
    const Shape& indices_shape = context.input(1).shape;
    if (context.output().shape.elements() == 0) return;
    const Indices at = indices(context);
    const int depth = static_cast<int>(indices_shape.back());
    const int first = batch_axes_;
    const std::int64_t batches = data.product(0, first);
    const std::int64_t per_batch = indices_shape.product(first, indices_shape.rank() - 1);
    const std::int64_t block = data.product(first + depth, data.rank()) * unit();
    const std::int64_t batch_bytes = data.product(first, data.rank()) * unit();
    const std::byte* in = context.input(0).data;
    std::byte* out = context.output().data;
    std::int64_t next = 0;
    for (std::int64_t b = 0; b < batches; ++b, in += batch_bytes) {
      for (std::int64_t i = 0; i < per_batch; ++i, out += block) {
        std::int64_t position = 0;
        for (int axis = first; axis < first + depth; ++axis) {
          position = position * data[axis] + at.position(next++, data[axis], name());
        }
        copy(out, in + position * block, block);
      }
    }
  }

 private:
  int batch_axes_;
};

}  // namespace

std::unique_ptr<Op> make_gather(const std::string& name, int axis, ElementType data,
                                ElementType indices) {
  return std::make_unique<Gather>(name, axis, data, indices);
}
std::unique_ptr<Op> make_gather_elements(const std::string& name, int axis, ElementType data,
                                         ElementType indices) {
  return std::make_unique<GatherElements>(name, axis, data, indices);
}
std::unique_ptr<Op> make_gather_nd(const std::string& name, int batch_axes, ElementType data,
                                   ElementType indices) {
  return std::make_unique<GatherNd>(name, batch_axes, data, indices);
}

}  // namespace bnn
