#include "ops/sign.h"

#include "base/bits.h"
#include "ops/layout.h"
#include "ops/low_bit.h"

namespace bnn {
namespace {

class PackSigns final : public Op {
 public:
  PackSigns(const std::string& name, bool planar, const KernelSet& kernels)
      : Op(name),
        planar_(planar),
        variant_(planar ? kernels.pack_signs_planar_f32 : kernels.pack_signs_f32) {}

  TensorType output_type(std::size_t) const override { return InputCode{.ternary = true}.type(); }
  std::string kernel() const override { return variant_.name(); }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() < (planar_ ? 2 : 1)) bad_shape("a packed tensor needs a channel axis");
    return planar_ ? channels_last(in) : in;
  }

  void run(const OpContext& context) const override {
    const Shape& in = context.input(0).shape;
    TensorView& out = context.output();
    const std::int64_t images = planar_ ? in[0] : 1;
    const std::int64_t channels = out.shape.back();
    const std::int64_t pixels = out.shape.product(planar_ ? 1 : 0, out.shape.rank() - 1);
    const std::int64_t words = pixels * words_for(channels);
    const float* x = context.input(0).as<float>();
    auto* signs = out.as<std::uint64_t>();
    unsigned flags = 0;
    for (std::int64_t n = 0; n < images; ++n) {
      flags |= variant_.run(x + n * pixels * channels, planar_ ? pixels : channels, pixels,
                            channels, signs + n * words, signs + (images + n) * words);
    }
    out.has_zeros = (flags & kSignsZero) != 0;
    if ((flags & kSignsNan) != 0 && context.saw_nan != nullptr) *context.saw_nan = true;
  }

 private:
  bool planar_;
  Variant<PackSignsF32Fn> variant_;
};

}  // namespace

std::unique_ptr<Op> make_pack_signs(const std::string& name, bool planar,
                                    const KernelSet& kernels) {
  return std::make_unique<PackSigns>(name, planar, kernels);
}

}  // namespace bnn
