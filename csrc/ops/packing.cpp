#include "ops/packing.h"

#include <cstring>

#include "base/aligned.h"
#include "base/bits.h"

namespace bnn {
namespace {

// Channels whose bounds are expanded at once when one interval serves all of them.
constexpr std::int64_t kSharedBlock = 1024;

class Binarize final : public Op {
 public:
  Binarize(const std::string& name, const Thresholds& thresholds, const KernelSet& kernels)
      : Op(name), variant_(kernels.binarize_f32), inverted_(thresholds.inverted) {
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
    lower_ = AlignedArray<float>(expanded);
    upper_ = AlignedArray<float>(expanded);
    for (std::size_t c = 0; c < expanded; ++c) {
      lower_[c] = thresholds.lower[shared_ ? 0 : c];
      upper_[c] = thresholds.upper[shared_ ? 0 : c];
    }
  }

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
      variant_.run(in.as<float>() + c, channels, rows, std::min(block, channels - c), lower_.data(),
                   upper_.data(), inverted_, out + c / 8, stride);
    }
  }

 private:
  Variant<BinarizeF32Fn> variant_;
  bool inverted_;
  bool shared_ = false;
  std::int64_t channels_ = 0;
  AlignedArray<float> lower_;
  AlignedArray<float> upper_;
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
                                  const KernelSet& kernels) {
  return std::make_unique<Binarize>(name, thresholds, kernels);
}
std::unique_ptr<Op> make_unpack(const std::string& name) { return std::make_unique<Unpack>(name); }

}  // namespace bnn
