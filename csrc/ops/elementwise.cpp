#include "ops/elementwise.h"

#include <utility>

namespace bnn {
namespace {

class Elementwise final : public Op {
 public:
  explicit Elementwise(ElementwiseSpec spec) : Op(spec.name), spec_(std::move(spec)) {
    if (spec_.operands.empty() || spec_.operands.size() > kMaxOperands || spec_.loop == nullptr) {
      bad_model("no element-wise function");
    }
  }

  std::size_t input_count() const override { return spec_.operands.size(); }
  TensorType input_type(std::size_t index) const override { return spec_.operands[index]; }
  TensorType output_type(std::size_t) const override { return spec_.result; }

  std::string kernel() const override {
    return spec_.kernel.run != nullptr ? spec_.kernel.name() : Op::kernel();
  }

  Shape infer(std::span<const Shape> inputs) const override {
    const std::optional<Shape> shape = broadcast_shape(inputs);
    if (!shape) {
      std::string operands;
      for (const Shape& input : inputs)
        operands.append(operands.empty() ? "" : ", ").append(input.text());
      bad_shape("operands of shapes " + operands + " do not broadcast against each other");
    }
    return *shape;
  }

  double cycles(std::span<const Shape>, const Shape& output) const override {
    return static_cast<double>(output.elements()) * spec_.cycles_per_element;
  }

  void run(const OpContext& context) const override {
    const std::size_t count = spec_.operands.size();
    std::array<Shape, kMaxOperands> shapes;
    for (std::size_t i = 0; i < count; ++i) shapes[i] = context.input(static_cast<int>(i)).shape;
    TensorView& output = context.output();
    const BroadcastRuns runs({shapes.data(), count}, output.shape);
    ElementRun run;
    run.count = runs.count();
    run.parameters = spec_.parameters;
    run.kernel = spec_.kernel.run;
    for (std::size_t i = 0; i < count; ++i) run.stays[i] = runs.stays(i);
    const auto element_size = static_cast<std::int64_t>(element_bytes(spec_.result));
    runs.for_each([&](const BroadcastRuns::Offsets& offsets, std::int64_t offset) {
      for (std::size_t i = 0; i < count; ++i) {
        const auto size = static_cast<std::int64_t>(element_bytes(spec_.operands[i]));
        run.operands[i] = context.input(static_cast<int>(i)).data + offsets[i] * size;
      }
      run.result = output.data + offset * element_size;
      spec_.loop(run);
    });
  }

 private:
  ElementwiseSpec spec_;
};

}  // namespace

std::unique_ptr<Op> make_elementwise(ElementwiseSpec spec) {
  return std::make_unique<Elementwise>(std::move(spec));
}

}  // namespace bnn
