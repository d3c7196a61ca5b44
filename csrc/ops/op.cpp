#include "ops/op.h"

#include "base/bits.h"

namespace bnn {

std::size_t tensor_bytes(ElementType type, const Shape& shape) {
  if (type == ElementType::f32) return static_cast<std::size_t>(shape.elements()) * sizeof(float);
  if (shape.rank() == 0) throw ShapeError("a packed tensor needs a channel axis");
  const std::int64_t pixels = shape.product(0, shape.rank() - 1);
  Shape words{pixels, words_for(shape.back())};
  return static_cast<std::size_t>(words.elements() * kWordBytes);
}

}  // namespace bnn
