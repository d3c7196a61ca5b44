#include "ops/cast.h"

#include <cmath>
#include <limits>
#include <type_traits>

#include "ops/element_types.h"

namespace bnn {
namespace {

// Truncated; the smallest Integer where `x` does not fit or is NaN.
template <class Integer, class Float>
Integer truncated(Float x) {
  constexpr Float kBound = -static_cast<Float>(std::numeric_limits<Integer>::min());
  return x >= -kBound && x < kBound ? static_cast<Integer>(x) : std::numeric_limits<Integer>::min();
}

template <class Target, class Float>
Target to_integer(Float x) {
  if constexpr (std::is_same_v<Target, std::uint64_t>) {
    constexpr Float kHalf = static_cast<Float>(0x1p63);
    const bool upper = x >= kHalf;
    const auto low = static_cast<std::uint64_t>(truncated<std::int64_t>(upper ? x - kHalf : x));
    return low ^ (std::uint64_t{upper} << 63);
  } else if constexpr (sizeof(Target) == 8 || std::is_same_v<Target, std::uint32_t>) {
    return static_cast<Target>(truncated<std::int64_t>(x));
  } else {
    return static_cast<Target>(truncated<std::int32_t>(x));
  }
}

template <class Target, class Source>
Target converted(Source source) {
  const ArithmeticType<Source> x = Arithmetic<Source>::load(source);
  if constexpr (std::is_same_v<Target, Bool>) {
    return {x != 0};
  } else if constexpr (std::is_same_v<Target, F16> || std::is_same_v<Target, BF16>) {
    return Arithmetic<Target>::store(static_cast<float>(x));
  } else if constexpr (std::is_floating_point_v<decltype(x)> && std::is_integral_v<Target>) {
    return to_integer<Target>(x);
  } else {
    return static_cast<Target>(x);
  }
}

bool is_integer(ElementType type) {
  bool integer = false;
  visit_element(type, [&]<class T>(std::type_identity<T>) { integer = std::is_integral_v<T>; });
  return integer;
}

class Cast final : public Op {
 public:
  Cast(const std::string& name, ElementType from, ElementType to) : Op(name), from_(from), to_(to) {
    if (from == ElementType::bits || to == ElementType::bits) {
      bad_model("packed bits are not cast");
    }
  }

  TensorType input_type(std::size_t) const override { return from_; }
  TensorType output_type(std::size_t) const override { return to_; }
  Shape infer(std::span<const Shape> inputs) const override { return inputs[0]; }

  bool is_view() const override {
    const bool readable = is_integer(from_) || from_ == ElementType::boolean;
    return from_ == to_ ||
           (readable && is_integer(to_) && element_bytes(from_) == element_bytes(to_));
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const std::int64_t count = in.shape.elements();
    visit_element(from_, [&]<class Source>(std::type_identity<Source>) {
      visit_element(to_, [&]<class Target>(std::type_identity<Target>) {
        const Source* source = in.as<Source>();
        Target* target = context.output().as<Target>();
        for (std::int64_t i = 0; i < count; ++i) target[i] = converted<Target>(source[i]);
      });
    });
  }

 private:
  ElementType from_;
  ElementType to_;
};

}  // namespace

std::unique_ptr<Op> make_cast(const std::string& name, ElementType from, ElementType to) {
  return std::make_unique<Cast>(name, from, to);
}

}  // namespace bnn
