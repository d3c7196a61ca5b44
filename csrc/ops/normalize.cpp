#include "ops/normalize.h"

#include <algorithm>
#include <cmath>

namespace bnn {
namespace {

class Normalize final : public Op {
 public:
  Normalize(const std::string& name, NormalizationSpec spec) : Op(name), spec_(std::move(spec)) {
    const auto total = static_cast<std::int64_t>(spec_.scale.size());
    if (spec_.channel_axis < 0 || spec_.inner_axis <= spec_.channel_axis) {
      bad_model("normalization along axes " + std::to_string(spec_.channel_axis) + " to " +
                std::to_string(spec_.inner_axis));
    }
    if (spec_.groups < 1 || total < 1 || total % spec_.groups != 0) {
      bad_model(std::to_string(spec_.groups) + " groups of " + std::to_string(total) + " channels");
    }
    if (!spec_.bias.empty() && spec_.bias.size() != spec_.scale.size()) {
      bad_model("scale and bias differ in length");
    }
    channels_ = total / spec_.groups;
  }

  std::size_t constant_bytes() const override {
    return (spec_.scale.size() + spec_.bias.size()) * sizeof(float);
  }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() <= spec_.channel_axis ||
        in.product(spec_.channel_axis, inner_axis(in)) != spec_.groups * channels_) {
      bad_shape(in.text() + " does not have " + std::to_string(spec_.groups * channels_) +
                " channels");
    }
    return in;
  }

  double cycles(std::span<const Shape>, const Shape& output) const override {
    return static_cast<double>(output.elements()) * 4.0;
  }

  void run(const OpContext& context) const override {
    const Shape& shape = context.output().shape;
    const std::int64_t inner = shape.product(inner_axis(shape), shape.rank());
    const std::int64_t rows = shape.product(0, spec_.channel_axis);
    const float* x = context.input(0).as<float>();
    float* y = context.output().as<float>();
    const std::int64_t size = channels_ * inner;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t group = 0; group < spec_.groups; ++group, x += size, y += size) {
        normalize(x, inner, group * channels_, y);
      }
    }
  }

 private:
  int inner_axis(const Shape& shape) const { return std::min(spec_.inner_axis, shape.rank()); }

  void normalize(const float* x, std::int64_t inner, std::int64_t channel, float* y) const {
    const std::int64_t size = channels_ * inner;
    const auto count = static_cast<double>(size);
    double mean = 0;
    if (spec_.centered) {
      for (std::int64_t i = 0; i < size; ++i) mean += x[i];
      mean /= count;
    }
    double squares = 0;
    for (std::int64_t i = 0; i < size; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const double factor = 1.0 / std::sqrt(squares / count + double{spec_.epsilon});
    for (std::int64_t c = 0; c < channels_; ++c, x += inner, y += inner) {
      const auto at = static_cast<std::size_t>(channel + c);
      const double scale = factor * spec_.scale[at];
      const double bias = spec_.bias.empty() ? 0.0 : double{spec_.bias[at]};
      for (std::int64_t i = 0; i < inner; ++i) {
        y[i] = static_cast<float>((x[i] - mean) * scale + bias);
      }
    }
  }

  NormalizationSpec spec_;
  std::int64_t channels_ = 1;  // of a group
};

}  // namespace

std::unique_ptr<Op> make_normalize(const std::string& name, NormalizationSpec spec) {
  return std::make_unique<Normalize>(name, std::move(spec));
}

}  // namespace bnn
