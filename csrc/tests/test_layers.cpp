// Dense and convolution layers through a program, against plain loops over every tap.
#include <array>
#include <vector>

#include "base/bits.h"
#include "ops/dot_layer.h"
#include "ops/packing.h"
#include "runtime/program.h"
#include "runtime_tests.h"

namespace bnn::test {
namespace {

enum class Format { xnor, binary_weight, u8, i8, f32 };

// One random layer: integer-valued operands, so that every sum is exact in float32 and int32 alike.
struct LayerCase {
  Format format;
  DotLayerSpec spec;
  std::int64_t images, height, width;  // a dense layer has 1 x 1 images
  std::vector<int> input;              // [N, H, W, C]
  std::vector<int> weights;            // [outputs, kh, kw, C / groups]

  std::int64_t per_group() const { return spec.features / spec.groups; }
};

WindowAxis random_axis(Random& random) {
  WindowAxis axis;
  axis.kernel = random.between(1, 7);
  axis.stride = random.between(1, 3);
  axis.dilation = random.between(1, 3);
  axis.pad_begin = random.between(0, 7);
  axis.pad_end = random.between(0, 7);
  return axis;
}

// 1 to 130, dense around the edges of words, bytes and lane vectors.
std::int64_t random_channels(Random& random) {
  if (random.one_in(2)) return random.between(1, 130);
  return random.pick<std::int64_t>(
      {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129});
}

// A binary layer too large to be computed in one strip (ops/xnor_chain_layer.cpp).
void enlarge(LayerCase& layer, Random& random) {
  DotLayerSpec& spec = layer.spec;
  layer.format = Format::xnor;
  spec.groups = 1;
  if (spec.dense) {
    layer.images = random.between(90, 150);
    spec.features = random.between(15'000, 16'000);
    spec.outputs = random.between(48, 57);
    return;
  }
  const auto axis = [&random] {
    return WindowAxis{random.between(2, 3), random.between(1, 2), random.between(0, 2),
                      random.between(0, 2), random.between(1, 2)};
  };
  spec.window = {axis(), axis()};
  spec.features = random.between(900, 1'000);
  spec.outputs = random.between(24, 33);
  layer.images = 1;
  layer.height = random.between(30, 40);
  layer.width = random.between(30, 40);
}

LayerCase random_case(Random& random) {
  LayerCase layer;
  layer.format =
      random.pick({Format::xnor, Format::binary_weight, Format::u8, Format::i8, Format::f32});
  DotLayerSpec& spec = layer.spec;
  spec.name = "layer";
  spec.outputs = random_channels(random);
  spec.features = random_channels(random);
  spec.dense = random.one_in(4);
  layer.images = random.pick({1, 2, 35});
  layer.height = layer.width = 1;
  if (!spec.dense) {
    layer.images = random.between(1, 2);
    do {
      spec.window = {random_axis(random), random_axis(random)};
      layer.height = random.between(1, 9);
      layer.width = random.between(1, 40);
    } while (spec.window.h.output_extent(layer.height) < 1 ||
             spec.window.w.output_extent(layer.width) < 1);
    if (layer.format == Format::f32 && random.one_in(3)) {
      spec.groups = random.pick({2, 3});
      spec.features = spec.groups * random.between(1, 5);
      spec.outputs = spec.groups * random.between(1, 20);
    }
  }
  if (random.one_in(100)) enlarge(layer, random);
  const bool bits = layer.format == Format::xnor;
  for (std::int64_t i = layer.images * layer.height * layer.width * spec.features; i > 0; --i) {
    layer.input.push_back(bits                         ? (random.one_in(2) ? 1 : -1)
                          : layer.format == Format::u8 ? static_cast<int>(random.between(0, 255))
                                                       : static_cast<int>(random.between(-9, 9)));
  }
  const std::int64_t taps = spec.dense ? 1 : spec.window.h.kernel * spec.window.w.kernel;
  for (std::int64_t i = spec.outputs * taps * layer.per_group(); i > 0; --i) {
    layer.weights.push_back(layer.format == Format::f32 ? static_cast<int>(random.between(-9, 9))
                                                        : (random.one_in(2) ? 1 : -1));
  }
  return layer;
}

// The layer by definition: [N, OH, OW, outputs].
std::vector<int> expected(const LayerCase& layer) {
  const DotLayerSpec& spec = layer.spec;
  const Window& window = spec.window;
  const std::int64_t kernel_h = spec.dense ? 1 : window.h.kernel;
  const std::int64_t kernel_w = spec.dense ? 1 : window.w.kernel;
  const std::int64_t out_h = spec.dense ? 1 : window.h.output_extent(layer.height);
  const std::int64_t out_w = spec.dense ? 1 : window.w.output_extent(layer.width);
  std::vector<int> result;
  for (std::int64_t n = 0; n < layer.images; ++n) {
    for (std::int64_t oy = 0; oy < out_h; ++oy) {
      for (std::int64_t ox = 0; ox < out_w; ++ox) {
        for (std::int64_t o = 0; o < spec.outputs; ++o) {
          const std::int64_t group = o / (spec.outputs / spec.groups);
          int sum = 0;
          for (std::int64_t ky = 0; ky < kernel_h; ++ky) {
            for (std::int64_t kx = 0; kx < kernel_w; ++kx) {
              const std::int64_t y = window.h.position(oy, ky);
              const std::int64_t x = window.w.position(ox, kx);
              if (y < 0 || y >= layer.height || x < 0 || x >= layer.width) continue;
              for (std::int64_t c = 0; c < layer.per_group(); ++c) {
                const std::int64_t pixel = (n * layer.height + y) * layer.width + x;
                const std::int64_t in = pixel * spec.features + group * layer.per_group() + c;
                const std::int64_t w =
                    ((o * kernel_h + ky) * kernel_w + kx) * layer.per_group() + c;
                sum += layer.input[index(in)] * layer.weights[index(w)];
              }
            }
          }
          result.push_back(sum);
        }
      }
    }
  }
  return result;
}

ElementType input_type(const LayerCase& layer) {
  return layer.format == Format::u8   ? ElementType::u8
         : layer.format == Format::i8 ? ElementType::i8
                                      : ElementType::f32;
}

std::unique_ptr<Op> make_layer(const LayerCase& layer, const Epilogue& epilogue,
                               const KernelSet& kernels) {
  const DotLayerSpec& spec = layer.spec;
  const std::int64_t row = static_cast<std::int64_t>(layer.weights.size()) / spec.outputs;
  if (layer.format == Format::f32) {
    const std::vector<float> weights(layer.weights.begin(), layer.weights.end());
    return make_f32_layer(spec, weights, epilogue, kernels);
  }
  if (layer.format != Format::xnor) {
    const std::int64_t bytes = (row + 7) / 8;
    std::vector<std::uint8_t> weights(index(spec.outputs * bytes));
    for (std::int64_t i = 0; i < spec.outputs * row; ++i) {
      if (layer.weights[index(i)] < 0) {
        std::uint8_t& byte = weights[index(i / row * bytes + i % row / 8)];
        byte = static_cast<std::uint8_t>(byte | (1u << (i % row % 8)));
      }
    }
    if (layer.format == Format::binary_weight) {
      return make_binary_weight_layer(spec, weights, epilogue, kernels);
    }
    return make_byte_layer(spec, input_type(layer), weights, epilogue, kernels);
  }
  const std::int64_t words = words_for(spec.features);
  std::vector<std::uint64_t> weights(index(spec.outputs * row / spec.features * words));
  for (std::int64_t i = 0; i < spec.outputs * row; ++i) {
    if (layer.weights[index(i)] < 0) {
      const std::int64_t c = i % spec.features;
      weights[index(i / spec.features * words + c / kWordBits)] |= std::uint64_t{1}
                                                                   << (c % kWordBits);
    }
  }
  return make_xnor_layer(spec, weights, epilogue, kernels);
}

std::vector<float> run_layer(const LayerCase& layer, const Epilogue& epilogue,
                             const KernelSet& kernels) {
  ProgramBuilder builder;
  const DotLayerSpec& spec = layer.spec;
  const Shape shape = spec.dense ? Shape{layer.images, spec.features}
                                 : Shape{layer.images, layer.height, layer.width, spec.features};
  Shape declared = shape;
  declared[0] = -1;
  int value = builder.add_input("x", declared, input_type(layer));
  if (layer.format == Format::xnor) {
    const Thresholds sign{{0.0f}, {std::numeric_limits<float>::infinity()}, false};
    value = builder.add_op(make_binarize("binarize", sign, kernels), {value});
  }
  value = builder.add_op(make_layer(layer, epilogue, kernels), {value});
  if (builder.type_of(value) == ElementType::bits) {
    value = builder.add_op(make_unpack("unpack"), {value});
  }
  const std::unique_ptr<Program> program = builder.finish({value}, true, 2);
  const std::vector<float> x(layer.input.begin(), layer.input.end());
  const std::array<Shape, 1> shapes{shape};
  std::vector<float> y(index(program->output_shapes(shapes)[0].elements()));
  const std::vector<std::int8_t> bytes(layer.input.begin(), layer.input.end());
  const bool floats = input_type(layer) == ElementType::f32;
  const std::array<const void*, 1> inputs{floats ? static_cast<const void*>(x.data())
                                                 : bytes.data()};
  const std::array<float*, 1> outputs{y.data()};
  program->run(shapes, inputs, outputs);
  return y;
}

std::string text(const LayerCase& layer) {
  const Window& w = layer.spec.window;
  return "format " + std::to_string(static_cast<int>(layer.format)) + " outputs " +
         std::to_string(layer.spec.outputs) + " features " + std::to_string(layer.spec.features) +
         " groups " + std::to_string(layer.spec.groups) + " image " + std::to_string(layer.height) +
         "x" + std::to_string(layer.width) + " kernel " + std::to_string(w.h.kernel) + "x" +
         std::to_string(w.w.kernel) + (layer.spec.dense ? " dense" : "");
}

}  // namespace

void check_layer_floats(const KernelSet& kernels, Random& random) {
  const LayerCase layer = random_case(random);
  FloatEpilogue epilogue;
  std::vector<float> scale, shift;
  for (std::int64_t o = 0; o < layer.spec.outputs; ++o) {
    scale.push_back(static_cast<float>(random.between(-3, 3)));
    shift.push_back(static_cast<float>(random.between(-50, 50)));
  }
  epilogue.steps = {{EpilogueKind::mul, scale}, {EpilogueKind::add, shift}};
  const std::vector<int> sums = expected(layer);
  const std::vector<float> got = run_layer(layer, epilogue, kernels);
  require(got.size() == sums.size(), text(layer) + ": wrong size");
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t o = i % index(layer.spec.outputs);
    const float want = static_cast<float>(sums[i]) * scale[o] + shift[o];
    require(got[i] == want, text(layer) + ": element " + std::to_string(i) + " is " +
                                std::to_string(got[i]) + ", expected " + std::to_string(want));
  }
}

void check_layer_bits(const KernelSet& kernels, Random& random) {
  LayerCase layer = random_case(random);
  while (layer.spec.groups != 1) layer = random_case(random);
  Thresholds thresholds;
  thresholds.inverted = random.one_in(2);
  constexpr float inf = std::numeric_limits<float>::infinity();
  for (std::int64_t o = 0; o < layer.spec.outputs; ++o) {
    const float at = static_cast<float>(random.between(-20, 20)) + random.pick({0.0f, 0.5f});
    const int kind = static_cast<int>(random.between(0, 4));
    thresholds.lower.push_back(kind == 0 || kind == 4 ? at : kind == 3 ? inf : -inf);
    thresholds.upper.push_back(kind == 1 ? at : kind == 3 ? -inf : kind == 4 ? at + 5 : inf);
  }
  const std::vector<int> sums = expected(layer);
  const std::vector<float> got = run_layer(layer, thresholds, kernels);
  require(got.size() == sums.size(), text(layer) + ": wrong size");
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t o = i % index(layer.spec.outputs);
    const float sum = static_cast<float>(sums[i]);
    const bool inside = thresholds.lower[o] <= sum && sum <= thresholds.upper[o];
    const float want = inside != thresholds.inverted ? 1.0f : -1.0f;
    require(got[i] == want, text(layer) + ": wrong sign at element " + std::to_string(i));
  }
}

}  // namespace bnn::test
