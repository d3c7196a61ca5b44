#include "ops/local_response.h"

#include <algorithm>
#include <cmath>

#include "ops/axis_split.h"

namespace bnn {
namespace {

class LocalResponse final : public Op {
 public:
  LocalResponse(const std::string& name, int axis, std::int64_t size, float alpha, float beta,
                float bias)
      : Op(name), axis_(axis), size_(size), alpha_(alpha), beta_(beta), bias_(bias) {
    if (axis < 0 || axis >= kMaxRank) bad_model("axis " + std::to_string(axis));
    if (size < 1 || size > (std::int64_t{1} << 24)) {
      bad_model("a response over " + std::to_string(size) + " channels");
    }
  }

  Shape infer(std::span<const Shape> inputs) const override {
    if (axis_ >= inputs[0].rank()) {
      bad_shape(inputs[0].text() + " has no axis " + std::to_string(axis_));
    }
    return inputs[0];
  }

  double cycles(std::span<const Shape>, const Shape& output) const override {
    const auto window = static_cast<double>(std::min(size_, output[axis_]));
    return static_cast<double>(output.elements()) * (window + 30.0);
  }

  void run(const OpContext& context) const override {
    const AxisSplit lines(context.output().shape, axis_);
    const float* x = context.input(0).as<float>();
    float* y = context.output().as<float>();
    const std::int64_t before = (size_ - 1) / 2;
    const std::int64_t after = size_ - 1 - before;
    const double factor = double{alpha_} / static_cast<double>(size_);
    for (std::int64_t o = 0; o < lines.outer; ++o) {
      for (std::int64_t c = 0; c < lines.extent; ++c) {
        const std::int64_t first = std::max<std::int64_t>(0, c - before);
        const std::int64_t last = std::min(lines.extent, c + after + 1);
        for (std::int64_t j = 0; j < lines.inner; ++j) {
          double sum = 0;
          for (std::int64_t i = first; i < last; ++i) {
            const double element = x[i * lines.inner + j];
            sum += element * element;
          }
          y[c * lines.inner + j] = static_cast<float>(
              x[c * lines.inner + j] / std::pow(bias_ + factor * sum, double{beta_}));
        }
      }
      x += lines.extent * lines.inner;
      y += lines.extent * lines.inner;
    }
  }

 private:
  int axis_;
  std::int64_t size_;
  float alpha_;
  float beta_;
  float bias_;
};

}  // namespace

std::unique_ptr<Op> make_local_response(const std::string& name, int axis, std::int64_t size,
                                        float alpha, float beta, float bias) {
  return std::make_unique<LocalResponse>(name, axis, size, alpha, beta, bias);
}

}  // namespace bnn
