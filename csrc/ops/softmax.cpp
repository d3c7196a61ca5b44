#include "ops/softmax.h"

#include <cmath>

namespace bnn {
namespace {

class Softmax final : public Op {
 public:
  Softmax(const std::string& name, bool logarithm) : Op(name), logarithm_(logarithm) {}

  Shape infer(std::span<const Shape> inputs) const override {
    if (inputs[0].rank() < 1) bad_shape("softmax needs at least one axis");
    return inputs[0];
  }

  double cycles(std::span<const Shape>, const Shape& output) const override {
    return static_cast<double>(output.elements()) * 16.0;
  }

  void run(const OpContext& context) const override {
    const Shape& shape = context.output().shape;
    const std::int64_t width = shape.back();
    const std::int64_t rows = shape.product(0, shape.rank() - 1);
    const float* x = context.input(0).as<float>();
    float* y = context.output().as<float>();
    for (std::int64_t row = 0; row < rows; ++row, x += width, y += width) {
      float top = -INFINITY;
      for (std::int64_t i = 0; i < width; ++i) top = x[i] > top ? x[i] : top;
      float sum = 0.0f;
      for (std::int64_t i = 0; i < width; ++i) {
        const float power = std::exp(x[i] - top);
        if (!logarithm_) y[i] = power;
        sum += power;
      }
      if (logarithm_) {
        const float log_sum = std::log(sum);
        for (std::int64_t i = 0; i < width; ++i) y[i] = (x[i] - top) - log_sum;
      } else {
        for (std::int64_t i = 0; i < width; ++i) y[i] /= sum;
      }
    }
  }

 private:
  bool logarithm_;
};

}  // namespace

std::unique_ptr<Op> make_softmax(const std::string& name, bool logarithm) {
  return std::make_unique<Softmax>(name, logarithm);
}

}  // namespace bnn
