#include "ops/op.h"

#include "base/bits.h"

namespace bnn {

std::string TensorType::text() const {
  switch (element) {
    case ElementType::f32:
      return "f32";
    case ElementType::u8:
      return "u8";
    case ElementType::i8:
      return "i8";
    case ElementType::bits:
      break;
  }
  return planes == 1 ? "bits" : "bits (" + std::to_string(planes) + " planes)";
}

std::size_t element_bytes(ElementType type) {
  return type == ElementType::f32 ? sizeof(float) : sizeof(std::uint8_t);
}

std::size_t tensor_bytes(TensorType type, const Shape& shape) {
  if (type.element != ElementType::bits) {
    return static_cast<std::size_t>(shape.elements()) * element_bytes(type.element);
  }
  if (shape.rank() == 0) throw ShapeError("a packed tensor needs a channel axis");
  const std::int64_t pixels = shape.product(0, shape.rank() - 1);
  const Shape words{pixels, type.planes, words_for(shape.back())};
  return static_cast<std::size_t>(words.elements() * kWordBytes);
}

}  // namespace bnn
