#include "ops/concat.h"

#include <cstring>

#include "ops/axis_split.h"
#include "ops/stored.h"

namespace bnn {
namespace {

class Concat final : public Op {
 public:
  Concat(const std::string& name, int axis, std::size_t count, TensorType type)
      : Op(name), axis_(axis), count_(count), type_(type) {
    if (count == 0) bad_model("there is nothing to join");
    if (axis < 0 || axis >= kMaxRank) bad_model("joined along axis " + std::to_string(axis));
  }

  std::size_t input_count() const override { return count_; }
  TensorType input_type(std::size_t) const override { return type_; }
  TensorType output_type(std::size_t) const override { return type_; }

  Shape infer(std::span<const Shape> inputs) const override {
    Shape out = inputs[0];
    if (axis_ >= out.rank()) bad_shape(out.text() + " has no axis " + std::to_string(axis_));
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      Shape alike = inputs[i];
      if (alike.rank() == out.rank()) alike[axis_] = out[axis_];
      if (!(alike == out)) bad_shape("cannot join " + out.text() + " and " + inputs[i].text());
      if (packs(out) && out[axis_] % kWordBits != 0) {
        bad_shape("packed channels are joined inside a word");
      }
      out[axis_] += inputs[i][axis_];
    }
    return out;
  }

  void run(const OpContext& context) const override {
    TensorView& out = context.output();
    const Stored to = stored(type_, out.shape);
    const AxisSplit split(to.shape, axis_);
    out.has_zeros = false;
    std::size_t column = 0;  // bytes of a row that earlier parts fill
    const std::size_t row = bytes(split.extent * split.inner, to);
    for (std::size_t i = 0; i < count_; ++i) {
      const TensorView& in = context.input(static_cast<int>(i));
      out.has_zeros = out.has_zeros || in.has_zeros;
      const Stored from = stored(type_, in.shape);
      const std::size_t part = bytes(from.shape[axis_] * split.inner, from);
      if (part == 0) continue;
      for (int plane = 0; plane < to.planes; ++plane) {
        const auto p = static_cast<std::size_t>(plane);
        const std::byte* source = in.data + p * from.plane_bytes();
        std::byte* target = out.data + p * to.plane_bytes() + column;
        for (std::int64_t o = 0; o < split.outer; ++o, source += part, target += row) {
          std::memcpy(target, source, part);
        }
      }
      column += part;
    }
  }

 private:
  bool packs(const Shape& shape) const {
    return type_.element == ElementType::bits && axis_ == shape.rank() - 1;
  }
  static std::size_t bytes(std::int64_t units, const Stored& tensor) {
    return static_cast<std::size_t>(units) * tensor.unit_bytes;
  }

  int axis_;
  std::size_t count_;
  TensorType type_;
};

}  // namespace

std::unique_ptr<Op> make_concat(const std::string& name, int axis, std::size_t count,
                                TensorType type) {
  return std::make_unique<Concat>(name, axis, count, type);
}

}  // namespace bnn
