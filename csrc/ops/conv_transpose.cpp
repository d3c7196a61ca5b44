#include "ops/conv_transpose.h"

#include <algorithm>

#include "ops/stored.h"

namespace bnn {
namespace {

constexpr std::int64_t kMaxExtra = std::int64_t{1} << 20;

class ConvTranspose final : public Op {
 public:
  ConvTranspose(const std::string& name, ConvTransposeSpec spec)
      : Op(name), spec_(std::move(spec)) {
    const std::string problem = spec_.window.problem();
    if (!problem.empty()) bad_model("the window has " + problem);
    const auto outside = [](std::int64_t number) {
      return number < 1 || number > (std::int64_t{1} << 24);
    };
    if (outside(spec_.channels) || outside(spec_.outputs) || outside(spec_.groups) ||
        spec_.channels % spec_.groups != 0 || spec_.outputs % spec_.groups != 0) {
      bad_model(std::to_string(spec_.groups) + " groups of " + std::to_string(spec_.channels) +
                " channels to " + std::to_string(spec_.outputs));
    }
    const Shape needed{spec_.window.taps(), spec_.channels, spec_.outputs / spec_.groups};
    if (static_cast<std::int64_t>(spec_.weights.size()) != needed.elements() ||
        (!spec_.bias.empty() && static_cast<std::int64_t>(spec_.bias.size()) != spec_.outputs)) {
      bad_model("weights or bias are of another size");
    }
    if ((spec_.spatial_axes != 2 && spec_.spatial_axes != 3) ||
        spec_.extra.size() != static_cast<std::size_t>(spec_.spatial_axes) ||
        std::any_of(spec_.extra.begin(), spec_.extra.end(),
                    [](std::int64_t e) { return e < 0 || e > kMaxExtra; })) {
      bad_model("output padding does not fit the axes of an image");
    }
  }

  std::size_t constant_bytes() const override {
    return (spec_.weights.size() + spec_.bias.size()) * sizeof(float);
  }

  Shape infer(std::span<const Shape> inputs) const override {
    Shape out = inputs[0];
    if (out.rank() != spec_.spatial_axes + 2 || out.back() != spec_.channels) {
      bad_shape("expected images of " + std::to_string(spec_.channels) + " channels, got " +
                out.text());
    }
    for (int axis = 0; axis < spec_.spatial_axes; ++axis) {
      const WindowAxis& window = window_axis(axis);
      const std::int64_t extent = out[axis + 1];
      out[axis + 1] = (extent - 1) * window.stride + window.dilation * (window.kernel - 1) + 1 +
                      spec_.extra[static_cast<std::size_t>(axis)] - window.pad_begin -
                      window.pad_end;
      if (extent < 1 || out[axis + 1] < 1) bad_shape("nothing is left of " + inputs[0].text());
    }
    out[out.rank() - 1] = spec_.outputs;
    if (out.elements() > kMaxMadeElements) bad_shape("the result would have shape " + out.text());
    return out;
  }

  double cycles(std::span<const Shape> inputs, const Shape&) const override {
    const std::int64_t work = spec_.window.taps() * (spec_.outputs / spec_.groups);
    return static_cast<double>(inputs[0].elements()) * static_cast<double>(work) / 2.0;
  }

  void run(const OpContext& context) const override {
    const ImageExtents from(context.input(0).shape);
    const ImageExtents to(context.output().shape);
    const float* image = context.input(0).as<float>();
    float* out = context.output().as<float>();
    const std::int64_t in_size = from.depth * from.height * from.width * spec_.channels;
    for (std::int64_t n = 0; n < to.images; ++n, image += in_size) {
      for (std::int64_t z = 0; z < to.depth; ++z) {
        for (std::int64_t y = 0; y < to.height; ++y) {
          for (std::int64_t x = 0; x < to.width; ++x, out += spec_.outputs) {
            pixel(image, from, z, y, x, out);
          }
        }
      }
    }
  }

 private:
  const WindowAxis& window_axis(int axis) const {
    const WindowAxis* all[] = {&spec_.window.d, &spec_.window.h, &spec_.window.w};
    return *all[3 - spec_.spatial_axes + axis];
  }

  // The input position that reaches output position `o` by tap `tap`, −1 where there is none.
  static std::int64_t source(const WindowAxis& axis, std::int64_t extent, std::int64_t o,
                             std::int64_t tap) {
    const std::int64_t scaled = o + axis.pad_begin - tap * axis.dilation;
    if (scaled < 0 || scaled % axis.stride != 0) return -1;
    const std::int64_t position = scaled / axis.stride;
    return position < extent ? position : -1;
  }

  void pixel(const float* image, const ImageExtents& from, std::int64_t oz, std::int64_t oy,
             std::int64_t ox, float* out) const {
    const Window& window = spec_.window;
    if (spec_.bias.empty()) {
      std::fill_n(out, spec_.outputs, 0.0f);
    } else {
      std::copy(spec_.bias.begin(), spec_.bias.end(), out);
    }
    std::int64_t tap = 0;
    for (std::int64_t kz = 0; kz < window.d.kernel; ++kz) {
      const std::int64_t z = source(window.d, from.depth, oz, kz);
      for (std::int64_t ky = 0; ky < window.h.kernel; ++ky) {
        const std::int64_t y = source(window.h, from.height, oy, ky);
        for (std::int64_t kx = 0; kx < window.w.kernel; ++kx, ++tap) {
          const std::int64_t x = source(window.w, from.width, ox, kx);
          if (z < 0 || y < 0 || x < 0) continue;
          add(image + ((z * from.height + y) * from.width + x) * spec_.channels, tap, out);
        }
      }
    }
  }

  void add(const float* in, std::int64_t tap, float* out) const {
    const std::int64_t channels = spec_.channels / spec_.groups;
    const std::int64_t outputs = spec_.outputs / spec_.groups;
    for (std::int64_t g = 0; g < spec_.groups; ++g, in += channels, out += outputs) {
      const float* weights =
          spec_.weights.data() + (g * spec_.window.taps() + tap) * channels * outputs;
      for (std::int64_t c = 0; c < channels; ++c, weights += outputs) {
        for (std::int64_t o = 0; o < outputs; ++o) out[o] += in[c] * weights[o];
      }
    }
  }

  ConvTransposeSpec spec_;
};

}  // namespace

std::unique_ptr<Op> make_conv_transpose(const std::string& name, ConvTransposeSpec spec) {
  return std::make_unique<ConvTranspose>(name, std::move(spec));
}

}  // namespace bnn
