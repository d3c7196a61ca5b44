#include "ops/cast.h"

namespace bnn {
namespace {

template <class T>
void convert(const T* in, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(in[i]);
}

class Cast final : public Op {
 public:
  Cast(const std::string& name, ElementType from) : Op(name), from_(from) {
    if (from != ElementType::u8 && from != ElementType::i8) {
      bad_model("only 8-bit integers are cast, not " + TensorType(from).text());
    }
  }

  TensorType input_type(std::size_t) const override { return from_; }
  Shape infer(std::span<const Shape> inputs) const override { return inputs[0]; }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    float* out = context.output().as<float>();
    if (from_ == ElementType::u8) {
      convert(in.as<std::uint8_t>(), in.shape.elements(), out);
    } else {
      convert(in.as<std::int8_t>(), in.shape.elements(), out);
    }
  }

 private:
  ElementType from_;
};

}  // namespace

std::unique_ptr<Op> make_cast(const std::string& name, ElementType from) {
  return std::make_unique<Cast>(name, from);
}

}  // namespace bnn
