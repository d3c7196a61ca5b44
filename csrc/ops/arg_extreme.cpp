#include "ops/arg_extreme.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include "ops/axis_split.h"
#include "ops/element_types.h"

namespace bnn {
namespace {

class ArgExtremeOp final : public Op {
 public:
  ArgExtremeOp(const std::string& name, const ArgExtreme& what, ElementType type)
      : Op(name), what_(what), type_(type) {
    if (what.axis < 0 || what.axis >= kMaxRank) bad_model("axis " + std::to_string(what.axis));
    if (type == ElementType::bits) bad_model("packed bits have no order");
  }

  TensorType input_type(std::size_t) const override { return type_; }
  TensorType output_type(std::size_t) const override { return ElementType::i64; }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (what_.axis >= in.rank())
      bad_shape(in.text() + " has no axis " + std::to_string(what_.axis));
    if (in[what_.axis] == 0) bad_shape("no element along axis " + std::to_string(what_.axis));
    std::array<std::int64_t, kMaxRank> extents{};
    std::size_t rank = 0;
    for (int axis = 0; axis < in.rank(); ++axis) {
      if (axis != what_.axis) {
        extents[rank++] = in[axis];
      } else if (what_.keep_axis) {
        extents[rank++] = 1;
      }
    }
    return Shape(std::span<const std::int64_t>(extents.data(), rank));
  }

  double cycles(std::span<const Shape> inputs, const Shape&) const override {
    return 2.0 * static_cast<double>(inputs[0].elements());
  }

  void run(const OpContext& context) const override {
    visit_element(type_, [&]<class T>(std::type_identity<T>) {
      if (what_.largest) {
        what_.last ? find<T>(context, std::greater_equal<>()) : find<T>(context, std::greater<>());
      } else {
        what_.last ? find<T>(context, std::less_equal<>()) : find<T>(context, std::less<>());
      }
    });
  }

 private:
  template <class T, class Better>
  void find(const OpContext& context, const Better& better) const {
    const TensorView& in = context.input(0);
    const AxisSplit split(in.shape, what_.axis);
    const T* slab = in.as<T>();
    auto* positions = context.output().as<std::int64_t>();
    for (std::int64_t o = 0; o < split.outer; ++o) {
      std::fill_n(positions, split.inner, std::int64_t{0});
      for (std::int64_t i = 1; i < split.extent; ++i) {
        const T* row = slab + i * split.inner;
        for (std::int64_t j = 0; j < split.inner; ++j) {
          const T found = slab[positions[j] * split.inner + j];
          if (better(Arithmetic<T>::load(row[j]), Arithmetic<T>::load(found))) positions[j] = i;
        }
      }
      slab += split.extent * split.inner;
      positions += split.inner;
    }
  }

  ArgExtreme what_;
  ElementType type_;
};

}  // namespace

std::unique_ptr<Op> make_arg_extreme(const std::string& name, const ArgExtreme& what,
                                     ElementType type) {
  return std::make_unique<ArgExtremeOp>(name, what, type);
}

}  // namespace bnn
