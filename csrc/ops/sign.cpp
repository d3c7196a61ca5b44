#include "ops/sign.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/aligned.h"
#include "base/bits.h"
#include "ops/low_bit.h"

namespace bnn {
namespace {

class Sign final : public Op {
 public:
  Sign(const std::string& name, const KernelSet& kernels)
      : Op(name), variant_(kernels.binarize_f32) {
    constexpr float inf = std::numeric_limits<float>::infinity();
    constexpr float least = std::numeric_limits<float>::denorm_min();
    for (AlignedArray<float>* bounds : {&minus_infinity_, &negative_, &zero_, &infinity_}) {
      *bounds = AlignedArray<float>(static_cast<std::size_t>(kBlock));
    }
    std::fill_n(minus_infinity_.data(), kBlock, -inf);
    std::fill_n(negative_.data(), kBlock, -least);
    std::fill_n(infinity_.data(), kBlock, inf);
  }

  TensorType output_type(std::size_t) const override { return InputCode{.ternary = true}.type(); }
  std::string kernel() const override { return variant_.name(); }

  Shape infer(std::span<const Shape> inputs) const override {
    if (inputs[0].rank() < 1) bad_shape("a packed tensor needs a channel axis");
    return inputs[0];
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    return static_cast<std::size_t>(words_for(inputs[0].back()) * kWordBytes);
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    TensorView& out = context.output();
    const std::int64_t channels = in.shape.back();
    const std::int64_t rows = in.shape.product(0, in.shape.rank() - 1);
    const std::int64_t words = words_for(channels);
    auto* signs = out.as<std::uint64_t>();
    auto* masks = signs + rows * words;
    auto* nan = reinterpret_cast<std::uint64_t*>(context.scratch);
    std::memset(out.data, 0, tensor_bytes(output_type(0), in.shape));
    std::uint64_t nans = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      const float* x = in.as<float>() + row * channels;
      std::fill_n(nan, words, 0);
      pack(x, channels, minus_infinity_, negative_, true, signs + row * words);
      pack(x, channels, zero_, zero_, false, masks + row * words);
      pack(x, channels, minus_infinity_, infinity_, false, nan);
      for (std::int64_t w = 0; w < words; ++w) nans |= nan[w];
    }
    if (nans != 0 && context.saw_nan != nullptr) *context.saw_nan = true;
    std::uint64_t zeros = 0;
    const std::int64_t tail = channels % kWordBits;
    const std::uint64_t last = tail == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << tail) - 1;
    for (std::int64_t i = 0; i < rows * words; ++i) {
      zeros |= masks[i] ^ ((i + 1) % words == 0 ? last : ~std::uint64_t{0});
    }
    out.has_zeros = zeros != 0;
  }

 private:
  static constexpr std::int64_t kBlock = 1024;

  void pack(const float* x, std::int64_t channels, const AlignedArray<float>& lower,
            const AlignedArray<float>& upper, bool inverted, std::uint64_t* out) const {
    for (std::int64_t c = 0; c < channels; c += kBlock) {
      variant_.run(x + c, channels, 1, std::min(kBlock, channels - c), lower.data(), upper.data(),
                   inverted, reinterpret_cast<std::uint8_t*>(out) + c / 8, 0);
    }
  }

  Variant<BinarizeF32Fn> variant_;
  AlignedArray<float> minus_infinity_, negative_, zero_, infinity_;
};

class UnpackTernary final : public Op {
 public:
  using Op::Op;
  TensorType input_type(std::size_t) const override { return InputCode{.ternary = true}.type(); }
  Shape infer(std::span<const Shape> inputs) const override { return inputs[0]; }
  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const std::int64_t channels = in.shape.back();
    const std::int64_t rows = in.shape.product(0, in.shape.rank() - 1);
    const std::int64_t words = words_for(channels);
    const auto* signs = in.as<std::uint64_t>();
    const auto* masks = signs + rows * words;
    float* out = context.output().as<float>();
    for (std::int64_t row = 0; row < rows; ++row, signs += words, masks += words) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto bit = [c](const std::uint64_t* plane) {
          return static_cast<int>((plane[c / kWordBits] >> (c % kWordBits)) & 1u);
        };
        *out++ = static_cast<float>(bit(masks) * (1 - 2 * bit(signs)));
      }
    }
  }
};

class SignF32 final : public Op {
 public:
  using Op::Op;
  Shape infer(std::span<const Shape> inputs) const override { return inputs[0]; }
  void run(const OpContext& context) const override {
    const float* x = context.input(0).as<float>();
    float* y = context.output().as<float>();
    const std::int64_t count = context.output().shape.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      const float sign = static_cast<float>(x[i] > 0.0f) - static_cast<float>(x[i] < 0.0f);
      y[i] = x[i] != x[i] ? x[i] : sign;
    }
  }
};

}  // namespace

std::unique_ptr<Op> make_unpack_ternary(const std::string& name) {
  return std::make_unique<UnpackTernary>(name);
}

std::unique_ptr<Op> make_sign_f32(const std::string& name) {
  return std::make_unique<SignF32>(name);
}

std::unique_ptr<Op> make_sign(const std::string& name, const KernelSet& kernels) {
  return std::make_unique<Sign>(name, kernels);
}

}  // namespace bnn
