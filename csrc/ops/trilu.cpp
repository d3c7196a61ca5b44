#include "ops/trilu.h"

#include <algorithm>
#include <cstring>

namespace bnn {
namespace {

constexpr std::int64_t kFar = std::int64_t{1} << 50;

class Trilu final : public Op {
 public:
  Trilu(const std::string& name, bool upper, std::int64_t diagonal, ElementType type)
      : Op(name), upper_(upper), diagonal_(std::clamp(diagonal, -kFar, kFar)), type_(type) {
    if (type == ElementType::bits) bad_model("triangles of packed bits");
  }

  TensorType input_type(std::size_t) const override { return type_; }
  TensorType output_type(std::size_t) const override { return type_; }

  Shape infer(std::span<const Shape> inputs) const override {
    if (inputs[0].rank() < 2) bad_shape(inputs[0].text() + " is no matrix");
    return inputs[0];
  }

  void run(const OpContext& context) const override {
    const Shape& shape = context.output().shape;
    const std::int64_t rows = shape[shape.rank() - 2];
    const std::int64_t columns = shape.back();
    const std::int64_t matrices = shape.product(0, shape.rank() - 2);
    const std::size_t unit = element_bytes(type_);
    const std::byte* in = context.input(0).data;
    std::byte* out = context.output().data;
    const std::size_t row = static_cast<std::size_t>(columns) * unit;
    if (row == 0) return;
    for (std::int64_t m = 0; m < matrices; ++m) {
      for (std::int64_t r = 0; r < rows; ++r, in += row, out += row) {
        const std::int64_t edge = upper_ ? r + diagonal_ : r + diagonal_ + 1;
        const std::size_t split =
            static_cast<std::size_t>(std::clamp(edge, std::int64_t{0}, columns)) * unit;
        std::memcpy(out, in, row);
        std::memset(upper_ ? out : out + split, 0, upper_ ? split : row - split);
      }
    }
  }

 private:
  bool upper_;
  std::int64_t diagonal_;
  ElementType type_;
};

}  // namespace

std::unique_ptr<Op> make_trilu(const std::string& name, bool upper, std::int64_t diagonal,
                               ElementType type) {
  return std::make_unique<Trilu>(name, upper, diagonal, type);
}

}  // namespace bnn
