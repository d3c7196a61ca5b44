#include "ops/order.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/axis_split.h"
#include "ops/element_types.h"
#include "ops/scratch.h"

namespace bnn {
namespace {

// Whether x comes before y: NaN before all numbers.
template <class T>
bool before(T x, T y, bool largest) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && !std::isnan(y);
  }
  return largest ? x > y : x < y;
}

class AlongLines : public Op {
 public:
  AlongLines(const std::string& name, int axis, ElementType type)
      : Op(name), axis_(axis), type_(type) {
    if (axis < 0 || axis >= kMaxRank) bad_model("axis " + std::to_string(axis));
    if (type == ElementType::bits) bad_model("packed bits have no order");
  }
  TensorType input_type(std::size_t) const override { return type_; }

 protected:
  void check_axis(const Shape& in) const {
    if (axis_ >= in.rank()) bad_shape(in.text() + " has no axis " + std::to_string(axis_));
  }
  int axis() const { return axis_; }
  ElementType type() const { return type_; }

 private:
  int axis_;
  ElementType type_;
};

class Extreme final : public AlongLines {
 public:
  Extreme(const std::string& name, const ExtremeSpec& spec, ElementType type)
      : AlongLines(name, spec.axis, type), spec_(spec) {}

  TensorType output_type(std::size_t) const override { return ElementType::i64; }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    check_axis(in);
    if (in[axis()] < 1) bad_shape("there is no extreme element in " + in.text());
    std::array<std::int64_t, kMaxRank> extents{};
    std::size_t rank = 0;
    for (int a = 0; a < in.rank(); ++a) {
      if (a != axis()) {
        extents[rank++] = in[a];
      } else if (spec_.keep_axis) {
        extents[rank++] = 1;
      }
    }
    return Shape(std::span<const std::int64_t>(extents.data(), rank));
  }

  void run(const OpContext& context) const override {
    visit_element(type(), [&]<class T>(std::type_identity<T>) { find<T>(context); });
  }

 private:
  template <class T>
  void find(const OpContext& context) const {
    const AxisSplit lines(context.input(0).shape, axis());
    const T* x = context.input(0).as<T>();
    std::int64_t* out = context.output().as<std::int64_t>();
    using Load = Arithmetic<T>;
    for (std::int64_t o = 0; o < lines.outer; ++o, x += lines.extent * lines.inner) {
      for (std::int64_t j = 0; j < lines.inner; ++j) {
        std::int64_t best = 0;
        for (std::int64_t i = 1; i < lines.extent; ++i) {
          const auto element = Load::load(x[i * lines.inner + j]);
          const auto extreme = Load::load(x[best * lines.inner + j]);
          if (spec_.last ? !before(extreme, element, spec_.largest)
                         : before(element, extreme, spec_.largest)) {
            best = i;
          }
        }
        *out++ = best;
      }
    }
  }

  ExtremeSpec spec_;
};

class TopK final : public AlongLines {
 public:
  TopK(const std::string& name, int axis, std::int64_t count, bool largest, ElementType type)
      : AlongLines(name, axis, type), count_(count), largest_(largest) {
    if (count < 0) bad_model("the " + std::to_string(count) + " largest elements");
  }

  std::size_t output_count() const override { return 2; }
  TensorType output_type(std::size_t index) const override {
    return index == 0 ? type() : ElementType::i64;
  }

  Shape infer(std::span<const Shape> inputs) const override {
    Shape out = inputs[0];
    check_axis(out);
    if (out[axis()] < count_) {
      bad_shape(out.text() + " has no " + std::to_string(count_) + " elements along axis " +
                std::to_string(axis()));
    }
    out[axis()] = count_;
    return out;
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    return Scratch::bytes<std::int64_t>(inputs[0][axis()]);
  }

  double cycles(std::span<const Shape> inputs, const Shape&) const override {
    return static_cast<double>(inputs[0].elements()) * 8.0;
  }

  void run(const OpContext& context) const override {
    visit_element(type(), [&]<class T>(std::type_identity<T>) { sort<T>(context); });
  }

 private:
  template <class T>
  void sort(const OpContext& context) const {
    const AxisSplit lines(context.input(0).shape, axis());
    const T* x = context.input(0).as<T>();
    T* values = context.output(0).as<T>();
    std::int64_t* positions = context.output(1).as<std::int64_t>();
    auto* order = reinterpret_cast<std::int64_t*>(context.scratch);
    using Load = Arithmetic<T>;
    for (std::int64_t o = 0; o < lines.outer; ++o) {
      for (std::int64_t j = 0; j < lines.inner; ++j) {
        const T* line = x + o * lines.extent * lines.inner + j;
        for (std::int64_t i = 0; i < lines.extent; ++i) order[i] = i;
        std::partial_sort(order, order + count_, order + lines.extent,
                          [&](std::int64_t a, std::int64_t b) {
                            const auto first = Load::load(line[a * lines.inner]);
                            const auto second = Load::load(line[b * lines.inner]);
                            if (before(first, second, largest_)) return true;
                            return !before(second, first, largest_) && a < b;
                          });
        for (std::int64_t k = 0; k < count_; ++k) {
          const std::int64_t at = (o * count_ + k) * lines.inner + j;
          values[at] = line[order[k] * lines.inner];
          positions[at] = order[k];
        }
      }
    }
  }

  std::int64_t count_;
  bool largest_;
};

}  // namespace

std::unique_ptr<Op> make_extreme(const std::string& name, const ExtremeSpec& spec,
                                 ElementType type) {
  return std::make_unique<Extreme>(name, spec, type);
}
std::unique_ptr<Op> make_top_k(const std::string& name, int axis, std::int64_t count, bool largest,
                               ElementType type) {
  return std::make_unique<TopK>(name, axis, count, largest, type);
}

}  // namespace bnn
