#include "ops/op.h"

#include "base/bits.h"

namespace bnn {

std::string element_name(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return "f32";
    case ElementType::f64:
      return "f64";
    case ElementType::f16:
      return "f16";
    case ElementType::bf16:
      return "bf16";
    case ElementType::i8:
      return "i8";
    case ElementType::u8:
      return "u8";
    case ElementType::i16:
      return "i16";
    case ElementType::u16:
      return "u16";
    case ElementType::i32:
      return "i32";
    case ElementType::u32:
      return "u32";
    case ElementType::i64:
      return "i64";
    case ElementType::u64:
      return "u64";
    case ElementType::boolean:
      return "bool";
    case ElementType::bits:
      break;
  }
  return "bits";
}

std::string TensorType::text() const {
  const std::string name = element_name(element);
  return planes == 1 ? name : name + " (" + std::to_string(planes) + " planes)";
}

std::size_t element_bytes(ElementType type) {
  switch (type) {
    case ElementType::f64:
    case ElementType::i64:
    case ElementType::u64:
      return 8;
    case ElementType::f32:
    case ElementType::i32:
    case ElementType::u32:
      return 4;
    case ElementType::f16:
    case ElementType::bf16:
    case ElementType::i16:
    case ElementType::u16:
      return 2;
    case ElementType::i8:
    case ElementType::u8:
    case ElementType::boolean:
    case ElementType::bits:
      break;
  }
  return 1;
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
