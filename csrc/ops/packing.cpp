#include "ops/packing.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/aligned.h"
#include "base/bits.h"
#include "ops/epilogue_operands.h"

namespace bnn {
namespace {

// Channels whose bounds are expanded at once when one interval serves all of them.
constexpr std::int64_t kSharedBlock = 1024;

// The elements of type T inside a float interval; none as (largest, smallest).
template <class T>
std::pair<T, T> interval_of(float lower, float upper) {
  if constexpr (std::is_same_v<T, float>) {
    return {lower, upper};
  } else {
    constexpr std::int32_t kLow = std::numeric_limits<T>::min();
    constexpr std::int32_t kHigh = std::numeric_limits<T>::max();
    const auto [low, high] = integer_interval(lower, upper);
    if (low > kHigh || high < kLow) return {T{kHigh}, T{kLow}};
    return {static_cast<T>(std::max(low, kLow)), static_cast<T>(std::min(high, kHigh))};
  }
}

template <class T, class Fn>
class Binarize final : public Op {
 public:
  Binarize(const std::string& name, const Thresholds& thresholds, ElementType input,
           const Variant<Fn>& variant)
      : Op(name), variant_(variant), input_(input), inverted_(thresholds.inverted) {
    const std::size_t count = thresholds.lower.size();
    if (count == 0 || thresholds.upper.size() != count) {
      bad_model("thresholds must have one lower and one upper bound per channel");
    }
    for (std::size_t c = 0; c < count; ++c) {
      if (thresholds.lower[c] != thresholds.lower[c] ||
          thresholds.upper[c] != thresholds.upper[c]) {
        bad_model("a threshold is NaN");
      }
    }
    channels_ = static_cast<std::int64_t>(count);
    shared_ = count == 1;
    const std::size_t expanded = shared_ ? static_cast<std::size_t>(kSharedBlock) : count;
    lower_ = AlignedArray<T>(expanded);
    upper_ = AlignedArray<T>(expanded);
    for (std::size_t c = 0; c < expanded; ++c) {
      const std::size_t bound = shared_ ? 0 : c;
      std::tie(lower_[c], upper_[c]) =
          interval_of<T>(thresholds.lower[bound], thresholds.upper[bound]);
    }
  }

  TensorType input_type(std::size_t) const override { return input_; }
  TensorType output_type(std::size_t) const override { return ElementType::bits; }
  std::string kernel() const override { return variant_.name(); }
  std::size_t constant_bytes() const override { return lower_.bytes() + upper_.bytes(); }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() < 1 || (!shared_ && in.back() != channels_)) {
      bad_shape("expected [..., " + std::to_string(channels_) + "], got " + in.text());
    }
    return in;
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const std::int64_t channels = in.shape.back();
    const std::int64_t rows = in.shape.product(0, in.shape.rank() - 1);
    const std::int64_t stride = words_for(channels) * kWordBytes;
    auto* out = context.output().as<std::uint8_t>();
    if (channels % kWordBits != 0) std::memset(out, 0, static_cast<std::size_t>(rows * stride));
    const std::int64_t block = shared_ ? kSharedBlock : channels;
    for (std::int64_t c = 0; c < channels; c += block) {
      variant_.run(in.as<T>() + c, channels, rows, std::min(block, channels - c), lower_.data(),
                   upper_.data(), inverted_, out + c / 8, stride);
    }
  }

 private:
  Variant<Fn> variant_;
  ElementType input_;
  bool inverted_;
  bool shared_ = false;
  std::int64_t channels_ = 0;
  AlignedArray<T> lower_;
  AlignedArray<T> upper_;
};

class Unpack final : public Op {
 public:
  using Op::Op;
  TensorType input_type(std::size_t) const override { return ElementType::bits; }
  Shape infer(std::span<const Shape> inputs) const override {
    if (inputs[0].rank() < 1) bad_shape("a packed tensor needs a channel axis");
    return inputs[0];
  }
  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const std::int64_t channels = in.shape.back();
    const std::int64_t pixels = in.shape.product(0, in.shape.rank() - 1);
    const std::int64_t words = words_for(channels);
    float* out = context.output().as<float>();
    for (std::int64_t p = 0; p < pixels; ++p) {
      const std::uint64_t* pixel = in.as<std::uint64_t>() + p * words;
      for (std::int64_t c = 0; c < channels; ++c) {
        const bool negative = (pixel[c / kWordBits] >> (c % kWordBits)) & 1u;
        *out++ = negative ? -1.0f : 1.0f;
      }
    }
  }
};

}  // namespace

std::unique_ptr<Op> make_binarize(const std::string& name, const Thresholds& thresholds,
                                  const KernelSet& kernels, ElementType input) {
  switch (input) {
    case ElementType::f32:
      return std::make_unique<Binarize<float, BinarizeF32Fn>>(name, thresholds, input,
                                                              kernels.binarize_f32);
    case ElementType::u8:
      return std::make_unique<Binarize<std::uint8_t, BinarizeU8Fn>>(name, thresholds, input,
                                                                    kernels.binarize_u8);
    case ElementType::i8:
      return std::make_unique<Binarize<std::int8_t, BinarizeI8Fn>>(name, thresholds, input,
                                                                   kernels.binarize_i8);
    case ElementType::bits:
      break;
  }
  throw ModelFormatError("node '" + name + "': packed bits are not packed again");
}
std::unique_ptr<Op> make_unpack(const std::string& name) { return std::make_unique<Unpack>(name); }

}  // namespace bnn
