#include "ops/packing.h"

#include <algorithm>
#include <cstring>

#include "base/aligned.h"
#include "base/bits.h"
#include "ops/layout.h"
#include "ops/threshold_bounds.h"

namespace bnn {
namespace {

template <class T, class Fn>
class Binarize final : public Op {
 public:
  Binarize(const std::string& name, const Thresholds& thresholds, ElementType input,
           const Variant<Fn>& variant)
      : Op(name),
        variant_(variant),
        input_(input),
        inverted_(thresholds.inverted),
        bounds_(name, thresholds, kSharedBlock) {}

  TensorType input_type(std::size_t) const override { return input_; }
  TensorType output_type(std::size_t) const override { return ElementType::bits; }
  std::string kernel() const override { return variant_.name(); }
  std::size_t constant_bytes() const override { return bounds_.bytes(); }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() < 1 || !bounds_.fit(in.back())) {
      bad_shape("expected [..., " + std::to_string(bounds_.channels()) + "], got " + in.text());
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
    const std::int64_t block = bounds_.shared() ? kSharedBlock : channels;
    for (std::int64_t c = 0; c < channels; c += block) {
      variant_.run(in.as<T>() + c, channels, rows, std::min(block, channels - c), bounds_.lower(),
                   bounds_.upper(), inverted_, out + c / 8, stride);
    }
  }

 private:
  Variant<Fn> variant_;
  ElementType input_;
  bool inverted_;
  Bounds<T> bounds_;
};

class BinarizePlanar final : public Op {
 public:
  BinarizePlanar(const std::string& name, const Thresholds& thresholds, const KernelSet& kernels)
      : Op(name),
        variant_(kernels.binarize_planar_f32),
        inverted_(thresholds.inverted),
        bounds_(name, thresholds, 1) {}

  TensorType output_type(std::size_t) const override { return ElementType::bits; }
  std::string kernel() const override { return variant_.name(); }
  std::size_t constant_bytes() const override { return bounds_.bytes(); }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() < 2 || !bounds_.fit(in[1])) {
      bad_shape("expected [N, " + std::to_string(bounds_.channels()) + ", ...], got " + in.text());
    }
    return channels_last(in);
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const std::int64_t channels = in.shape[1];
    const std::int64_t pixels = in.shape.product(2, in.shape.rank());
    const float* x = in.as<float>();
    auto* out = context.output().as<std::uint64_t>();
    for (std::int64_t n = 0; n < in.shape[0]; ++n) {
      variant_.run(x, pixels, pixels, channels, bounds_.lower(), bounds_.upper(),
                   bounds_.shared() ? 0 : 1, inverted_, out);
      x += channels * pixels;
      out += pixels * words_for(channels);
    }
  }

 private:
  Variant<BinarizePlanarF32Fn> variant_;
  bool inverted_;
  Bounds<float> bounds_;
};

class Unpack final : public Op {
 public:
  Unpack(const std::string& name, const KernelSet& kernels)
      : Op(name), variant_(kernels.unpack_f32) {}

  TensorType input_type(std::size_t) const override { return ElementType::bits; }
  std::string kernel() const override { return variant_.name(); }

  Shape infer(std::span<const Shape> inputs) const override {
    if (inputs[0].rank() < 1) bad_shape("a packed tensor needs a channel axis");
    return inputs[0];
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const std::int64_t channels = in.shape.back();
    const std::int64_t pixels = in.shape.product(0, in.shape.rank() - 1);
    variant_.run(in.as<std::uint64_t>(), pixels, channels, context.output().as<float>(), channels);
  }

 private:
  Variant<UnpackF32Fn> variant_;
};

// [N, spatial..., C] to [N, C, spatial...].
class UnpackPlanar final : public Op {
 public:
  UnpackPlanar(const std::string& name, const KernelSet& kernels)
      : Op(name), variant_(kernels.unpack_planar_f32) {}

  TensorType input_type(std::size_t) const override { return ElementType::bits; }
  std::string kernel() const override { return variant_.name(); }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() < 2) bad_shape("expected [N, ..., C], got " + in.text());
    Shape out = in;
    out[1] = in.back();
    for (int axis = 2; axis < in.rank(); ++axis) out[axis] = in[axis - 1];
    return out;
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const std::int64_t channels = in.shape.back();
    const std::int64_t pixels = in.shape.product(1, in.shape.rank() - 1);
    const auto* bits = in.as<std::uint64_t>();
    float* out = context.output().as<float>();
    for (std::int64_t n = 0; n < in.shape[0]; ++n) {
      variant_.run(bits, pixels, channels, out, pixels);
      bits += pixels * words_for(channels);
      out += pixels * channels;
    }
  }

 private:
  Variant<UnpackF32Fn> variant_;
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
    default:
      throw ModelFormatError("node '" + name + "': elements of type " + element_name(input) +
                             " are not packed");
  }
}
std::unique_ptr<Op> make_binarize_planar(const std::string& name, const Thresholds& thresholds,
                                         const KernelSet& kernels) {
  return std::make_unique<BinarizePlanar>(name, thresholds, kernels);
}
std::unique_ptr<Op> make_unpack(const std::string& name, const KernelSet& kernels) {
  return std::make_unique<Unpack>(name, kernels);
}
std::unique_ptr<Op> make_unpack_planar(const std::string& name, const KernelSet& kernels) {
  return std::make_unique<UnpackPlanar>(name, kernels);
}

}  // namespace bnn
