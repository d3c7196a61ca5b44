#include "ops/channel_arithmetic.h"

#include "base/aligned.h"
#include "ops/epilogue_operands.h"

namespace bnn {
namespace {

class ChannelArithmetic final : public Op {
 public:
  ChannelArithmetic(const std::string& name, const FloatEpilogue& spec, const KernelSet& kernels)
      : Op(name), variant_(kernels.epilogue_f32) {
    if (spec.thresholds || !spec.keep_floats) bad_model("bits of arithmetic without a layer");
    for (const FloatEpilogue::Step& step : spec.steps) {
      if (step.kind == EpilogueKind::add_rows)
        bad_model("a residual of arithmetic without a layer");
      const std::size_t count = step.operand.size();
      if (count == 0) bad_model("an operand is empty");
      if (count > 1) {
        if (channels_ != 0 && channels_ != static_cast<std::int64_t>(count)) {
          bad_model("operands of " + std::to_string(channels_) + " and " + std::to_string(count) +
                    " channels");
        }
        channels_ = static_cast<std::int64_t>(count);
      }
    }
    const std::int64_t width = channels_ != 0 ? channels_ : kOperandBlock;
    for (const FloatEpilogue::Step& step : spec.steps) {
      std::vector<float> operand = step.operand;
      operand.resize(static_cast<std::size_t>(width), operand.front());
      operands_.push_back(blocked_operand(operand, 1));
      steps_.push_back({step.kind, operands_.back().data()});
    }
  }

  std::string kernel() const override { return variant_.name(); }
  std::size_t constant_bytes() const override {
    std::size_t total = 0;
    for (const AlignedArray<float>& operand : operands_) total += operand.bytes();
    return total;
  }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (channels_ != 0 && (in.rank() < 1 || in.back() != channels_)) {
      bad_shape("expected [..., " + std::to_string(channels_) + "], got " + in.text());
    }
    return in;
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const std::int64_t total = in.shape.elements();
    float* out = context.output().as<float>();
    const int count = static_cast<int>(steps_.size());
    if (channels_ != 0) {
      variant_.run(in.as<float>(), channels_, total / channels_, channels_, steps_.data(), count,
                   out, channels_);
      return;
    }
    // One operand for all elements: any split into rows will do.
    const std::int64_t rows = total / kOperandBlock;
    variant_.run(in.as<float>(), kOperandBlock, rows, kOperandBlock, steps_.data(), count, out,
                 kOperandBlock);
    const std::int64_t rest = rows * kOperandBlock;
    variant_.run(in.as<float>() + rest, kOperandBlock, total > rest ? 1 : 0, total - rest,
                 steps_.data(), count, out + rest, kOperandBlock);
  }

 private:
  Variant<EpilogueF32Fn> variant_;
  std::int64_t channels_ = 0;  // 0: operands are scalars
  std::vector<AlignedArray<float>> operands_;
  std::vector<EpilogueStep> steps_;
};

}  // namespace

std::unique_ptr<Op> make_channel_arithmetic(const std::string& name, const FloatEpilogue& steps,
                                            const KernelSet& kernels) {
  return std::make_unique<ChannelArithmetic>(name, steps, kernels);
}

}  // namespace bnn
