#include "ops/cumulative_sum.h"

#include "ops/axis_split.h"
#include "ops/element_types.h"

namespace bnn {
namespace {

// Integers wrap around.
template <class T>
T plus(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  } else {
    return a + b;
  }
}

class CumulativeSum final : public Op {
 public:
  CumulativeSum(const std::string& name, int axis, bool exclusive, bool reverse, ElementType type)
      : Op(name), axis_(axis), exclusive_(exclusive), reverse_(reverse), type_(type) {
    if (axis < 0 || axis >= kMaxRank) bad_model("axis " + std::to_string(axis));
    if (type == ElementType::bits || type == ElementType::boolean) {
      bad_model("sums of " + TensorType(type).text());
    }
  }

  TensorType input_type(std::size_t) const override { return type_; }
  TensorType output_type(std::size_t) const override { return type_; }

  Shape infer(std::span<const Shape> inputs) const override {
    if (axis_ >= inputs[0].rank()) {
      bad_shape(inputs[0].text() + " has no axis " + std::to_string(axis_));
    }
    return inputs[0];
  }

  void run(const OpContext& context) const override {
    visit_element(type_, [&]<class T>(std::type_identity<T>) {
      if constexpr (!std::is_same_v<T, Bool>) sum<T>(context);
    });
  }

 private:
  template <class T>
  void sum(const OpContext& context) const {
    const AxisSplit lines(context.input(0).shape, axis_);
    const T* x = context.input(0).as<T>();
    T* y = context.output().as<T>();
    const std::int64_t size = lines.extent * lines.inner;
    for (std::int64_t o = 0; o < lines.outer; ++o, x += size, y += size) {
      for (std::int64_t j = 0; j < lines.inner; ++j) {
        ArithmeticType<T> total{};
        for (std::int64_t i = 0; i < lines.extent; ++i) {
          const std::int64_t at = (reverse_ ? lines.extent - 1 - i : i) * lines.inner + j;
          const ArithmeticType<T> next = plus(total, Arithmetic<T>::load(x[at]));
          y[at] = Arithmetic<T>::store(exclusive_ ? total : next);
          total = next;
        }
      }
    }
  }

  int axis_;
  bool exclusive_;
  bool reverse_;
  ElementType type_;
};

}  // namespace

std::unique_ptr<Op> make_cumulative_sum(const std::string& name, int axis, bool exclusive,
                                        bool reverse, ElementType type) {
  return std::make_unique<CumulativeSum>(name, axis, exclusive, reverse, type);
}

}  // namespace bnn
