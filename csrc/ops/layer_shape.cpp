#include "ops/layer_shape.h"

#include "base/bits.h"

namespace bnn {
namespace {

[[noreturn]] void bad_shape(const DotLayerSpec& spec, const std::string& what) {
  throw ShapeError("node '" + spec.name + "': " + what);
}

Shape dense_shape(const DotLayerSpec& spec, ElementType input, std::int64_t length,
                  const Shape& in) {
  if (in.rank() < 2) bad_shape(spec, "a dense layer needs at least 2 axes, got " + in.text());
  if (input == ElementType::bits) {
    const std::int64_t words = in.product(1, in.rank() - 1) * words_for(in.back());
    if (words != length) {
      bad_shape(spec, "rows of " + in.text() + " do not have the " + std::to_string(spec.features) +
                          " features of the weights");
    }
    return Shape{in[0], spec.outputs};
  }
  if (in.back() != spec.features) {
    bad_shape(spec, "expected " + std::to_string(spec.features) + " features, got " + in.text());
  }
  Shape out = in;
  out[out.rank() - 1] = spec.outputs;
  return out;
}

}  // namespace

Shape dot_layer_shape(const DotLayerSpec& spec, ElementType input, std::int64_t length,
                      const Shape& in) {
  if (spec.dense) return dense_shape(spec, input, length, in);
  if (in.rank() != 4 || in[3] != spec.features) {
    bad_shape(spec, "expected an image [N, H, W, " + std::to_string(spec.features) + "], got " +
                        in.text());
  }
  const Shape out{in[0], spec.window.h.output_extent(in[1]), spec.window.w.output_extent(in[2]),
                  spec.outputs};
  if (out[1] < 1 || out[2] < 1) {
    bad_shape(spec, "the window does not fit into an image of " + in.text());
  }
  return out;
}

}  // namespace bnn
