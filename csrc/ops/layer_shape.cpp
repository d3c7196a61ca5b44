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
  const bool volume = spec.spatial_axes == 3;
  if (in.rank() != 2 + spec.spatial_axes || in.back() != spec.features) {
    bad_shape(spec, std::string("expected an image [N, ") + (volume ? "D, " : "") + "H, W, " +
                        std::to_string(spec.features) + "], got " + in.text());
  }
  const ImageExtents extents(in);
  Shape out = in;
  out[out.rank() - 1] = spec.outputs;
  out[out.rank() - 2] = spec.window.w.output_extent(extents.width);
  out[out.rank() - 3] = spec.window.h.output_extent(extents.height);
  if (volume) out[1] = spec.window.d.output_extent(extents.depth);
  for (int axis = 1; axis <= spec.spatial_axes; ++axis) {
    if (out[axis] < 1) {
      bad_shape(spec, "the window does not fit into an image of " + in.text());
    }
  }
  return out;
}

}  // namespace bnn
