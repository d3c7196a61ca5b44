#include "ops/one_hot.h"

#include <array>
#include <cmath>
#include <cstring>

#include "ops/element_types.h"
#include "ops/stored.h"

namespace bnn {
namespace {

class OneHot final : public Op {
 public:
  OneHot(const std::string& name, OneHotSpec spec) : Op(name), spec_(std::move(spec)) {
    const auto is_held = [](ElementType type) { return type != ElementType::bits; };
    if (!is_held(spec_.index) || !is_held(spec_.value) ||
        spec_.on.size() != element_bytes(spec_.value) || spec_.off.size() != spec_.on.size()) {
      bad_model("no elements to choose between");
    }
    if (spec_.depth < 0 || spec_.depth > kMaxMadeElements || spec_.axis < 0 ||
        spec_.axis >= kMaxRank) {
      bad_model("an axis " + std::to_string(spec_.axis) + " of depth " +
                std::to_string(spec_.depth));
    }
  }

  TensorType input_type(std::size_t) const override { return spec_.index; }
  TensorType output_type(std::size_t) const override { return spec_.value; }

  Shape infer(std::span<const Shape> inputs) const override {
    const std::span<const std::int64_t> in = inputs[0].dims();
    if (spec_.axis > inputs[0].rank()) {
      bad_shape(inputs[0].text() + " has no place " + std::to_string(spec_.axis));
    }
    std::vector<std::int64_t> extents(in.begin(), in.end());
    extents.insert(extents.begin() + spec_.axis, spec_.depth);
    const Shape out{std::span<const std::int64_t>(extents)};
    if (out.elements() > kMaxMadeElements) bad_shape("the result would have shape " + out.text());
    return out;
  }

  void run(const OpContext& context) const override {
    visit_element(spec_.index, [&]<class T>(std::type_identity<T>) { spread<T>(context); });
  }

 private:
  template <class T>
  void spread(const OpContext& context) const {
    const Shape& shape = context.input(0).shape;
    const std::int64_t outer = shape.product(0, spec_.axis);
    const std::int64_t inner = shape.product(spec_.axis, shape.rank());
    const T* indices = context.input(0).as<T>();
    const std::size_t unit = spec_.on.size();
    std::byte* out = context.output().data;
    for (std::int64_t o = 0; o < outer; ++o, indices += inner) {
      for (std::int64_t d = 0; d < spec_.depth; ++d) {
        for (std::int64_t j = 0; j < inner; ++j, out += unit) {
          const bool hot = position(Arithmetic<T>::load(indices[j])) == d;
          std::memcpy(out, hot ? spec_.on.data() : spec_.off.data(), unit);
        }
      }
    }
  }

  template <class Number>
  std::int64_t position(Number index) const {
    std::int64_t whole = 0;
    if constexpr (std::is_floating_point_v<Number>) {
      const double number = index;
      if (!(std::abs(number) <= 0x1p53)) return -1;
      whole = static_cast<std::int64_t>(number);
    } else {
      whole = static_cast<std::int64_t>(index);
    }
    return whole < 0 ? whole + spec_.depth : whole;
  }

  OneHotSpec spec_;
};

}  // namespace

std::unique_ptr<Op> make_one_hot(const std::string& name, OneHotSpec spec) {
  return std::make_unique<OneHot>(name, std::move(spec));
}

}  // namespace bnn
