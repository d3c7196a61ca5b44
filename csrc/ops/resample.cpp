#include "ops/resample.h"

#include <algorithm>

#include "ops/axis_split.h"
#include "ops/stored.h"

namespace bnn {
namespace {

class Resample final : public Op {
 public:
  Resample(const std::string& name, int axis, std::int64_t extent, std::int64_t taps,
           std::vector<std::int64_t> positions, std::vector<float> weights)
      : Op(name),
        axis_(axis),
        extent_(extent),
        taps_(taps),
        positions_(std::move(positions)),
        weights_(std::move(weights)) {
    const auto total = static_cast<std::int64_t>(positions_.size());
    if (axis < 0 || axis >= kMaxRank) bad_model("axis " + std::to_string(axis));
    if (taps < 1 || total % taps != 0 || weights_.size() != positions_.size()) {
      bad_model("resampling with " + std::to_string(total) + " positions of " +
                std::to_string(taps) + " taps and " + std::to_string(weights_.size()) + " weights");
    }
    if (std::any_of(positions_.begin(), positions_.end(),
                    [&](std::int64_t p) { return p < 0 || p >= extent; })) {
      bad_model("a position outside the axis of extent " + std::to_string(extent));
    }
  }

  std::size_t constant_bytes() const override {
    return positions_.size() * (sizeof(std::int64_t) + sizeof(float));
  }

  Shape infer(std::span<const Shape> inputs) const override {
    Shape out = inputs[0];
    if (axis_ >= out.rank() || out[axis_] != extent_) {
      bad_shape("axis " + std::to_string(axis_) + " of " + out.text() + " must have extent " +
                std::to_string(extent_));
    }
    out[axis_] = static_cast<std::int64_t>(positions_.size()) / taps_;
    if (out.elements() > std::max(kMaxMadeElements, inputs[0].elements())) {
      bad_shape("the result would have shape " + out.text());
    }
    return out;
  }

  double cycles(std::span<const Shape>, const Shape& output) const override {
    return static_cast<double>(output.elements() * taps_);
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const AxisSplit from(in.shape, axis_);
    const AxisSplit to(context.output().shape, axis_);
    float* out = context.output().as<float>();
    for (std::int64_t o = 0; o < to.outer; ++o) {
      const float* block = in.as<float>() + o * from.extent * from.inner;
      for (std::int64_t i = 0; i < to.extent; ++i, out += to.inner) {
        const std::int64_t* positions = positions_.data() + i * taps_;
        const float* weights = weights_.data() + i * taps_;
        for (std::int64_t t = 0; t < taps_; ++t) {
          const float* x = block + positions[t] * to.inner;
          for (std::int64_t j = 0; j < to.inner; ++j) {
            out[j] = t == 0 ? weights[t] * x[j] : out[j] + weights[t] * x[j];
          }
        }
      }
    }
  }

 private:
  int axis_;
  std::int64_t extent_;
  std::int64_t taps_;
  std::vector<std::int64_t> positions_;
  std::vector<float> weights_;
};

}  // namespace

std::unique_ptr<Op> make_resample(const std::string& name, int axis, std::int64_t extent,
                                  std::int64_t taps, std::vector<std::int64_t> positions,
                                  std::vector<float> weights) {
  return std::make_unique<Resample>(name, axis, extent, taps, std::move(positions),
                                    std::move(weights));
}

}  // namespace bnn
