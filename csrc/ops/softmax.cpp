#include "ops/softmax.h"

#include <algorithm>
#include <cmath>

#include "ops/axis_split.h"
#include "ops/scratch.h"

namespace bnn {
namespace {

// Ops that map every line along an axis to a line of the same length.
class AlongAxis : public Op {
 public:
  AlongAxis(const std::string& name, int axis) : Op(name), axis_(axis) {
    if (axis < -kMaxRank || axis >= kMaxRank) bad_model("axis " + std::to_string(axis));
  }

  Shape infer(std::span<const Shape> inputs) const override {
    const int rank = inputs[0].rank();
    if (axis_ >= rank || axis_ < -rank) {
      bad_shape(inputs[0].text() + " has no axis " + std::to_string(axis_));
    }
    return inputs[0];
  }

  // Two numbers for each of the lines that run beside each other.
  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    return 2 * Scratch::bytes<float>(split(inputs[0]).inner);
  }

 protected:
  AxisSplit split(const Shape& shape) const {
    return AxisSplit(shape, axis_ < 0 ? axis_ + shape.rank() : axis_);
  }

 private:
  int axis_;
};

class Softmax final : public AlongAxis {
 public:
  Softmax(const std::string& name, bool logarithm, int axis)
      : AlongAxis(name, axis), logarithm_(logarithm) {}

  double cycles(std::span<const Shape>, const Shape& output) const override {
    return static_cast<double>(output.elements()) * 16.0;
  }

  void run(const OpContext& context) const override {
    const AxisSplit lines = split(context.output().shape);
    const float* x = context.input(0).as<float>();
    float* y = context.output().as<float>();
    const std::int64_t size = lines.extent * lines.inner;
    Scratch scratch(context.scratch);
    auto* tops = scratch.take<float>(lines.inner);
    auto* sums = scratch.take<float>(lines.inner);
    for (std::int64_t o = 0; o < lines.outer; ++o, x += size, y += size) {
      if (lines.inner == 1) {
        line(x, lines.extent, y);
      } else {
        bundle(x, lines, tops, sums, y);
      }
    }
  }

 private:
  void line(const float* x, std::int64_t width, float* y) const {
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

  // The same for lines beside each other, element by element along all of them.
  void bundle(const float* x, const AxisSplit& lines, float* tops, float* sums, float* y) const {
    const std::int64_t width = lines.inner;
    std::fill_n(tops, width, -INFINITY);
    std::fill_n(sums, width, 0.0f);
    const auto for_each = [&](auto&& body) {
      for (std::int64_t i = 0; i < lines.extent; ++i) {
        for (std::int64_t j = 0; j < width; ++j) body(i * width + j, j);
      }
    };
    for_each([&](std::int64_t at, std::int64_t j) { tops[j] = x[at] > tops[j] ? x[at] : tops[j]; });
    for_each([&](std::int64_t at, std::int64_t j) {
      const float power = std::exp(x[at] - tops[j]);
      if (!logarithm_) y[at] = power;
      sums[j] += power;
    });
    if (logarithm_) {
      for (std::int64_t j = 0; j < width; ++j) sums[j] = std::log(sums[j]);
      for_each([&](std::int64_t at, std::int64_t j) { y[at] = (x[at] - tops[j]) - sums[j]; });
    } else {
      for_each([&](std::int64_t at, std::int64_t j) { y[at] /= sums[j]; });
    }
  }

  bool logarithm_;
};

class Hardmax final : public AlongAxis {
 public:
  using AlongAxis::AlongAxis;

  void run(const OpContext& context) const override {
    const AxisSplit lines = split(context.output().shape);
    const float* x = context.input(0).as<float>();
    float* y = context.output().as<float>();
    const std::int64_t size = lines.extent * lines.inner;
    if (size == 0) return;
    std::fill_n(y, lines.outer * size, 0.0f);
    for (std::int64_t o = 0; o < lines.outer; ++o, x += size, y += size) {
      for (std::int64_t j = 0; j < lines.inner; ++j) {
        std::int64_t best = j;
        for (std::int64_t at = j; at < size; at += lines.inner) best = x[at] > x[best] ? at : best;
        y[best] = 1.0f;
      }
    }
  }
};

}  // namespace

std::unique_ptr<Op> make_softmax(const std::string& name, bool logarithm, int axis) {
  return std::make_unique<Softmax>(name, logarithm, axis);
}
std::unique_ptr<Op> make_hardmax(const std::string& name, int axis) {
  return std::make_unique<Hardmax>(name, axis);
}

}  // namespace bnn
