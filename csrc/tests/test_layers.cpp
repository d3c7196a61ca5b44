// Dense and convolution layers through a program, against plain loops over every tap.
#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "base/bits.h"
#include "ops/dot_layer.h"
#include "ops/layout.h"
#include "ops/packing.h"
#include "ops/pad_bits.h"
#include "ops/quantize.h"
#include "ops/sign.h"
#include "runtime/program.h"
#include "runtime_tests.h"

namespace bnn::test {
namespace {

enum class Format { xnor, binary_weight, u8, i8, f32 };

// One random layer: integer-valued operands, so that every sum is exact in float32 and int32 alike.
struct LayerCase {
  Format format;
  DotLayerSpec spec;
  std::int64_t images, depth, height, width;  // a dense layer has 1 x 1 x 1 images
  std::vector<int> input;                     // [N, D, H, W, C]
  // Pixels of a constant value around the images, which the packed input lacks; per spatial axis.
  int frame_value = 0;
  std::vector<std::int64_t> before, after;
  std::vector<int> weights;  // [outputs, kd, kh, kw, C / groups]

  std::int64_t per_group() const { return spec.features / spec.groups; }
};

// The weights that a code can express: w = (constant + Σ_q 2^shifts[q] · ±1) / (halved ? 2 : 1).
int weight_of(const WeightCode& code, unsigned signs) {
  int sum = code.constant;
  for (std::size_t q = 0; q < code.shifts.size(); ++q) {
    sum += ((signs >> q) & 1u) != 0 ? -(1 << code.shifts[q]) : 1 << code.shifts[q];
  }
  return code.halved ? sum / 2 : sum;
}

// The planes of a weight, plane q as bit q.
unsigned signs_of(const WeightCode& code, int weight) {
  unsigned signs = 0;
  while (weight_of(code, signs) != weight) ++signs;
  return signs;
}

void set_random_codes(DotLayerSpec& spec, Random& random) {
  if (random.one_in(3)) {
    spec.input_code.ternary = true;
  } else if (random.one_in(2)) {
    spec.input_code.digits = static_cast<int>(random.between(1, 4));
    spec.input_code.odd = random.one_in(3);
    if (!spec.input_code.odd && random.one_in(2)) {
      spec.input_code.zero = static_cast<int>(random.between(0, (1 << spec.input_code.digits) - 1));
    }
  }
  const int bits = static_cast<int>(random.between(1, 4));
  std::vector<int> shifts;
  for (int q = 0; q < bits; ++q) shifts.push_back(q);
  // Masks go without constants.
  const bool whole_words = spec.groups == 1 || spec.features / spec.groups % kWordBits == 0;
  do {
    spec.weight_code = random.pick<WeightCode>({{},
                                                {{0, 0}, 0, true},
                                                {{0}, 1, true},
                                                {shifts, -1, true},
                                                {shifts, (1 << bits) - 1, true},
                                                {shifts, 0, false}});
  } while (spec.weight_code.constant != 0 && (spec.input_code.ternary || !whole_words));
}

// The number that a level of digits stands for.
int number_of(const InputCode& code, int level) {
  return code.odd ? 2 * level - (1 << code.digits) + 1 : level - code.zero;
}

int random_number(const InputCode& code, Random& random) {
  return number_of(code, static_cast<int>(random.between(0, (1 << code.digits) - 1)));
}

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
  spec.spatial_axes = 2;
  layer.images = layer.depth = 1;
  layer.height = random.between(30, 40);
  layer.width = random.between(30, 40);
}

// Calls visit(pixel, whether it lies in the frame) for all pixels in order.
template <class Visit>
void for_pixels(const LayerCase& layer, Visit&& visit) {
  const std::vector<std::int64_t> extents =
      layer.spec.spatial_axes == 3 ? std::vector{layer.depth, layer.height, layer.width}
                                   : std::vector{layer.height, layer.width};
  const std::int64_t pixels = layer.images * layer.depth * layer.height * layer.width;
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    std::int64_t rest = pixel;
    bool inside = true;
    for (std::size_t axis = extents.size(); axis-- > 0; rest /= extents[axis]) {
      const std::int64_t at = rest % extents[axis];
      inside = inside && at >= layer.before[axis] && at < extents[axis] - layer.after[axis];
    }
    visit(pixel, !inside);
  }
}

// Fills a frame with a value that the code of the input can hold.
void set_frame(LayerCase& layer, Random& random) {
  const InputCode& code = layer.spec.input_code;
  layer.frame_value = code.digits > 0
                          ? random_number(code, random)
                          : (code.ternary ? random.pick({-1, 0, 1}) : random.pick({-1, 1}));
  const auto cut = [&](std::int64_t extent) {
    const std::int64_t first = random.between(0, std::min<std::int64_t>(2, extent - 1));
    layer.before.push_back(first);
    layer.after.push_back(random.between(0, std::min<std::int64_t>(2, extent - 1 - first)));
  };
  if (layer.spec.spatial_axes == 3) cut(layer.depth);
  cut(layer.height);
  cut(layer.width);
  for_pixels(layer, [&](std::int64_t pixel, bool frame) {
    const std::int64_t channels = layer.spec.features;
    if (frame) std::fill_n(layer.input.begin() + pixel * channels, channels, layer.frame_value);
  });
}

// What the program is given: the input without the frame.
std::vector<float> given_input(const LayerCase& layer) {
  std::vector<float> x(layer.input.begin(), layer.input.end());
  if (layer.before.empty()) return x;
  x.clear();
  for_pixels(layer, [&](std::int64_t pixel, bool frame) {
    const auto first = layer.input.begin() + pixel * layer.spec.features;
    if (!frame) x.insert(x.end(), first, first + layer.spec.features);
  });
  return x;
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
  layer.depth = layer.height = layer.width = 1;
  if (!spec.dense) {
    layer.images = random.between(1, 2);
    if (random.one_in(4)) spec.spatial_axes = 3;
    do {
      spec.window = {random_axis(random), random_axis(random)};
      layer.height = random.between(1, 9);
      layer.width = random.between(1, 40);
      if (spec.spatial_axes == 3) {
        spec.window.d = random_axis(random);
        spec.window.d.kernel = random.between(1, 3);
        layer.depth = random.between(1, 4);
        layer.width = random.between(1, 9);
      }
    } while (spec.window.d.output_extent(layer.depth) < 1 ||
             spec.window.h.output_extent(layer.height) < 1 ||
             spec.window.w.output_extent(layer.width) < 1);
    const bool f32 = layer.format == Format::f32;
    if ((f32 || layer.format == Format::xnor) && random.one_in(3)) {
      spec.groups = random.pick({2, 3});
      spec.features = spec.groups *
                      (f32 || random.one_in(2) ? random.between(1, 70) : 64 * random.between(1, 2));
      spec.outputs = spec.groups * random.between(1, 20);
      if (!f32 && random.one_in(4)) {  // depthwise
        spec.groups = spec.features;
        spec.outputs = spec.features * random.between(1, 2);
      }
    }
  }
  if (random.one_in(100)) enlarge(layer, random);
  const bool floats = layer.format == Format::f32 || layer.format == Format::binary_weight;
  spec.planar_input = floats && !spec.dense && spec.groups == 1 && random.one_in(3);
  const bool bits = layer.format == Format::xnor;
  if (bits && random.one_in(2)) set_random_codes(spec, random);
  const std::int64_t pixels = layer.images * layer.depth * layer.height * layer.width;
  const std::ptrdiff_t zeros = random.pick({2, 50, 5000});  // one element of so many is 0
  for (std::int64_t i = pixels * spec.features; i > 0; --i) {
    int x = random.one_in(2) ? 1 : -1;
    if (layer.format == Format::u8) {
      x = static_cast<int>(random.between(0, 255));
    } else if (!bits) {
      x = static_cast<int>(random.between(-9, 9));
    } else if (spec.input_code.digits > 0) {
      x = random_number(spec.input_code, random);
    } else if (spec.input_code.ternary && random.one_in(zeros)) {
      x = 0;
    }
    layer.input.push_back(x);
  }
  if (bits && !spec.dense && random.one_in(3)) set_frame(layer, random);
  const std::int64_t taps = spec.dense ? 1 : spec.window.taps();
  const unsigned patterns = 1u << spec.weight_code.shifts.size();
  for (std::int64_t i = spec.outputs * taps * layer.per_group(); i > 0; --i) {
    const unsigned signs = static_cast<unsigned>(random.between(0, patterns - 1));
    layer.weights.push_back(layer.format == Format::f32 ? static_cast<int>(random.between(-9, 9))
                                                        : weight_of(spec.weight_code, signs));
  }
  return layer;
}

// One output by definition: output channel o of pixel (z, y, x) of image n.
int expected_sum(const LayerCase& layer, std::int64_t n, std::int64_t z, std::int64_t y,
                 std::int64_t x, std::int64_t o) {
  const Window& window = layer.spec.window;
  const std::int64_t channels = layer.per_group();
  const std::int64_t group = o / (layer.spec.outputs / layer.spec.groups);
  int sum = 0;
  for (std::int64_t tap = 0; tap < window.taps(); ++tap) {
    const std::int64_t at_z = window.d.position(z, tap / (window.h.kernel * window.w.kernel));
    const std::int64_t at_y = window.h.position(y, tap / window.w.kernel % window.h.kernel);
    const std::int64_t at_x = window.w.position(x, tap % window.w.kernel);
    if (at_z < 0 || at_z >= layer.depth || at_y < 0 || at_y >= layer.height || at_x < 0 ||
        at_x >= layer.width) {
      continue;
    }
    const std::int64_t pixel =
        ((n * layer.depth + at_z) * layer.height + at_y) * layer.width + at_x;
    for (std::int64_t c = 0; c < channels; ++c) {
      sum += layer.input[index(pixel * layer.spec.features + group * channels + c)] *
             layer.weights[index((o * window.taps() + tap) * channels + c)];
    }
  }
  return sum;
}

// The layer by definition: [N, OD, OH, OW, outputs].
std::vector<int> expected(const LayerCase& layer) {
  const Window& window = layer.spec.window;  // of one tap for a dense layer
  std::vector<int> result;
  for (std::int64_t n = 0; n < layer.images; ++n) {
    for (std::int64_t z = 0; z < window.d.output_extent(layer.depth); ++z) {
      for (std::int64_t y = 0; y < window.h.output_extent(layer.height); ++y) {
        for (std::int64_t x = 0; x < window.w.output_extent(layer.width); ++x) {
          for (std::int64_t o = 0; o < layer.spec.outputs; ++o) {
            result.push_back(expected_sum(layer, n, z, y, x, o));
          }
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

// Of numbers along K as the layer takes it: [taps][channels], or [channels][taps].
std::vector<int> ordered_weights(const LayerCase& layer) {
  if (!layer.spec.planar_input) return layer.weights;
  const std::int64_t taps = layer.spec.window.taps();
  const std::int64_t channels = layer.spec.features;
  std::vector<int> ordered;
  for (std::int64_t o = 0; o < layer.spec.outputs; ++o) {
    for (std::int64_t i = 0; i < channels * taps; ++i) {
      ordered.push_back(layer.weights[index((o * taps + i % taps) * channels + i / taps)]);
    }
  }
  return ordered;
}

std::unique_ptr<Op> make_layer(const LayerCase& layer, const Epilogue& epilogue,
                               const KernelSet& kernels) {
  const DotLayerSpec& spec = layer.spec;
  const std::int64_t row = static_cast<std::int64_t>(layer.weights.size()) / spec.outputs;
  const std::vector<int> numbers = ordered_weights(layer);
  if (layer.format == Format::f32) {
    const std::vector<float> weights(numbers.begin(), numbers.end());
    return make_f32_layer(spec, weights, epilogue, kernels);
  }
  if (layer.format != Format::xnor) {
    const std::int64_t bytes = (row + 7) / 8;
    std::vector<std::uint8_t> weights(index(spec.outputs * bytes));
    for (std::int64_t i = 0; i < spec.outputs * row; ++i) {
      if (numbers[index(i)] < 0) {
        std::uint8_t& byte = weights[index(i / row * bytes + i % row / 8)];
        byte = static_cast<std::uint8_t>(byte | (1u << (i % row % 8)));
      }
    }
    if (layer.format == Format::binary_weight) {
      return make_binary_weight_layer(spec, weights, epilogue, kernels);
    }
    return make_byte_layer(spec, input_type(layer), weights, epilogue, kernels);
  }
  const std::int64_t channels = layer.per_group();
  const std::int64_t words = words_for(channels);
  const std::int64_t plane = spec.outputs * row / channels * words;
  const std::size_t planes = spec.weight_code.shifts.size();
  std::vector<std::uint64_t> weights(planes * index(plane));
  for (std::int64_t i = 0; i < spec.outputs * row; ++i) {
    const unsigned signs = signs_of(spec.weight_code, layer.weights[index(i)]);
    const std::int64_t c = i % channels;
    for (std::size_t q = 0; q < planes; ++q) {
      weights[q * index(plane) + index(i / channels * words + c / kWordBits)] |=
          std::uint64_t{(signs >> q) & 1u} << (c % kWordBits);
    }
  }
  return make_xnor_layer(spec, weights, epilogue, kernels);
}

std::string text(const LayerCase& layer) {
  const Window& w = layer.spec.window;
  return "format " + std::to_string(static_cast<int>(layer.format)) + " outputs " +
         std::to_string(layer.spec.outputs) + " features " + std::to_string(layer.spec.features) +
         " groups " + std::to_string(layer.spec.groups) + " image " + std::to_string(layer.depth) +
         "x" + std::to_string(layer.height) + "x" + std::to_string(layer.width) + " kernel " +
         std::to_string(w.d.kernel) + "x" + std::to_string(w.h.kernel) + "x" +
         std::to_string(w.w.kernel) + (layer.spec.dense ? " dense" : "") + " digits " +
         std::to_string(layer.spec.input_code.digits) +
         (layer.spec.input_code.ternary ? " ternary" : "") +
         (layer.spec.input_code.odd ? " odd" : "") + " zero " +
         std::to_string(layer.spec.input_code.zero) + " weight planes " +
         std::to_string(layer.spec.weight_code.shifts.size()) + " constant " +
         std::to_string(layer.spec.weight_code.constant);
}

// What makes packed bits of the integers of a case; planar: of channels-first ones.
std::unique_ptr<Op> make_packer(const InputCode& code, bool planar, const KernelSet& kernels) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const auto from = [](int number) -> Thresholds {
    return {{static_cast<float>(number)}, {inf}, false};
  };
  if (code.ternary) {
    const BitPlanes planes =
        level_planes("quantize", {from(0), from(1)},
                     {*code.bits_of(-1), *code.bits_of(0), *code.bits_of(1)}, code.type().planes);
    return planar ? make_bit_planes("quantize", planes, true, true, kernels)
                  : make_pack_signs("sign", false, kernels);
  }
  if (code.digits == 0) {
    return planar ? make_binarize_planar("binarize", from(1), kernels)
                  : make_binarize("binarize", from(1), kernels);
  }
  std::vector<Thresholds> levels;
  for (int level = 1; level < 1 << code.digits; ++level) {
    levels.push_back(from(number_of(code, level)));
  }
  return make_bit_planes("quantize", digit_planes("quantize", levels), planar, false, kernels);
}

Shape free_batch(Shape shape) {
  shape[0] = -1;
  return shape;
}

// Every output of the layer, packed ones unpacked. `residuals`: what its add_rows steps add.
std::vector<std::vector<float>> run_layer(const LayerCase& layer, const Epilogue& epilogue,
                                          const KernelSet& kernels,
                                          const std::vector<std::vector<float>>& residuals = {}) {
  ProgramBuilder builder;
  const DotLayerSpec& spec = layer.spec;
  std::vector<Shape> shapes;
  Shape out;
  if (spec.dense) {
    shapes.push_back({layer.images, spec.features});
    out = {layer.images, spec.outputs};
  } else {
    shapes.push_back({layer.images, layer.height, layer.width, spec.features});
    out = {layer.images, spec.window.h.output_extent(layer.height),
           spec.window.w.output_extent(layer.width), spec.outputs};
  }
  if (spec.spatial_axes == 3) {
    shapes[0] = {layer.images, layer.depth, layer.height, layer.width, spec.features};
    out = {layer.images, spec.window.d.output_extent(layer.depth),
           spec.window.h.output_extent(layer.height), spec.window.w.output_extent(layer.width),
           spec.outputs};
  }
  for (std::size_t axis = 0; axis < layer.before.size(); ++axis) {
    shapes[0][static_cast<int>(axis) + 1] -= layer.before[axis] + layer.after[axis];
  }
  int value = builder.add_input("x", free_batch(shapes[0]), input_type(layer));
  std::vector<int> inputs{value};
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    inputs.push_back(builder.add_input("residual", free_batch(out)));
    shapes.push_back(out);
  }
  const bool bits = layer.format == Format::xnor;
  const bool planar = bits ? spec.outputs % 2 == 0 && spec.features > 1 : spec.planar_input;
  if (planar) {
    std::vector<int> channels_first(index(shapes[0].rank()));
    std::iota(channels_first.begin(), channels_first.end(), 0);
    std::rotate(channels_first.begin() + 1, channels_first.end() - 1, channels_first.end());
    inputs[0] = builder.add_op(make_permute("planar", channels_first, kernels), {value});
  }
  if (bits) {
    inputs[0] = builder.add_op(make_packer(spec.input_code, planar, kernels), {inputs[0]});
    if (!layer.before.empty()) {
      inputs[0] = builder.add_op(
          make_pad_bits("pad", spec.input_code, layer.frame_value, layer.before, layer.after),
          {inputs[0]});
    }
  }
  std::unique_ptr<Op> op = make_layer(layer, epilogue, kernels);
  const int output_count = static_cast<int>(op->output_count());
  const bool channels_first = op->stores_channels_first();
  value = builder.add_op(std::move(op), inputs);
  std::vector<int> values;
  for (int i = 0; i < output_count; ++i) {
    const TensorType type = builder.type_of(value + i);
    std::unique_ptr<Op> reader;
    if (type.planes > 1) {
      std::vector<float> digits(std::size_t{1} << type.planes);
      std::iota(digits.begin(), digits.end(), 0.0f);
      reader = make_unpack_planes("unpack", digits);
    } else if (type.element == ElementType::bits) {
      reader = make_unpack("unpack", kernels);
    }
    values.push_back(reader ? builder.add_op(std::move(reader), {value + i}) : value + i);
  }
  if (channels_first) {
    values = {builder.add_op(make_permute("channels last", {0, 2, 3, 1}, kernels), {value})};
  }
  const std::unique_ptr<Program> program = builder.finish(values, true, 2);
  const std::vector<float> x = given_input(layer);
  const std::vector<std::int8_t> bytes(layer.input.begin(), layer.input.end());
  std::vector<const void*> sources{x.data()};
  if (input_type(layer) != ElementType::f32) sources[0] = bytes.data();
  for (const std::vector<float>& residual : residuals) sources.push_back(residual.data());
  std::vector<std::vector<float>> results(index(output_count),
                                          std::vector<float>(index(out.elements())));
  std::vector<void*> targets;
  for (std::vector<float>& result : results) targets.push_back(result.data());
  require(program->output_shapes(shapes) == std::vector<Shape>(index(output_count), out),
          text(layer) + ": wrong shape");
  require(program->run(shapes, sources, targets), "gave up without a NaN");
  return results;
}

}  // namespace

void check_layer_floats(const KernelSet& kernels, Random& random) {
  LayerCase layer = random_case(random);
  layer.spec.channels_first = random.one_in(2);
  FloatEpilogue epilogue;
  std::vector<float> scale, shift;
  for (std::int64_t o = 0; o < layer.spec.outputs; ++o) {
    scale.push_back(static_cast<float>(random.between(-3, 3)));
    shift.push_back(static_cast<float>(random.between(-50, 50)));
  }
  epilogue.steps = {{EpilogueKind::mul, scale}, {EpilogueKind::add, shift}};
  const std::vector<int> sums = expected(layer);
  const std::vector<float> got = run_layer(layer, epilogue, kernels)[0];
  require(got.size() == sums.size(), text(layer) + ": wrong size");
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t o = i % index(layer.spec.outputs);
    const float want = static_cast<float>(sums[i]) * scale[o] + shift[o];
    require(got[i] == want, text(layer) + ": element " + std::to_string(i) + " is " +
                                std::to_string(got[i]) + ", expected " + std::to_string(want));
  }
}

// Thresholds after groups are for bits, and without a constant in the weights (masks).
static bool gives_bits(const LayerCase& layer) {
  return layer.spec.groups == 1 ||
         (layer.format == Format::xnor && layer.spec.weight_code.constant == 0);
}

void check_layer_bits(const KernelSet& kernels, Random& random) {
  LayerCase layer = random_case(random);
  while (!gives_bits(layer)) layer = random_case(random);
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
  const std::vector<float> got = run_layer(layer, thresholds, kernels)[0];
  require(got.size() == sums.size(), text(layer) + ": wrong size");
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t o = i % index(layer.spec.outputs);
    const float sum = static_cast<float>(sums[i]);
    const bool inside = thresholds.lower[o] <= sum && sum <= thresholds.upper[o];
    const float want = inside != thresholds.inverted ? 1.0f : -1.0f;
    require(got[i] == want, text(layer) + ": wrong sign at element " + std::to_string(i));
  }
}

// The tail of a residual block: BatchNorm, one or two shortcuts, PReLU; floats, bits or both.
void check_layer_planes(const KernelSet& kernels, Random& random) {
  LayerCase layer = random_case(random);
  while (layer.spec.groups != 1 || layer.spec.dense) layer = random_case(random);
  constexpr float inf = std::numeric_limits<float>::infinity();
  std::vector<Thresholds> levels(index(random.between(1, 15)));
  for (std::int64_t o = 0; o < layer.spec.outputs; ++o) {
    float at = static_cast<float>(random.between(-30, 10)) + random.pick({0.0f, 0.5f});
    const bool falling = random.one_in(2);  // levels are reached from above or from below
    for (Thresholds& level : levels) {
      level.lower.push_back(falling ? -inf : at);
      level.upper.push_back(falling ? -at : inf);
      at += static_cast<float>(random.between(0, 4));
    }
  }
  BitPlanes planes = digit_planes("layer", levels);
  std::vector<unsigned> codes(levels.size() + 1);
  std::iota(codes.begin(), codes.end(), 0u);
  if (random.one_in(2)) {  // any codes instead of the level's digits
    const int count = static_cast<int>(random.between(1, 4));
    for (unsigned& code : codes) {
      code = static_cast<unsigned>(random.between(0, (1 << count) - 1));
    }
    codes.back() = codes.front() ^ 1u;  // not all alike
    planes = level_planes("layer", levels, codes, count);
  }
  const std::vector<int> sums = expected(layer);
  const std::vector<float> got = run_layer(layer, planes, kernels)[0];
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t o = i % index(layer.spec.outputs);
    const float sum = static_cast<float>(sums[i]);
    const auto reached = [&](const Thresholds& t) {
      return t.lower[o] <= sum && sum <= t.upper[o];
    };
    const auto level = std::count_if(levels.begin(), levels.end(), reached);
    float want = static_cast<float>(codes[index(level)]);
    if (planes.planes == 1) want = 1 - 2 * want;  // unpacked as bits: bit 1 is −1
    require(got[i] == want, text(layer) + ": wrong level at element " + std::to_string(i));
  }
}

void check_layer_residual(const KernelSet& kernels, Random& random) {
  LayerCase layer = random_case(random);
  const std::vector<int> sums = expected(layer);
  const std::size_t outputs = index(layer.spec.outputs);
  FloatEpilogue epilogue;
  std::vector<std::vector<float>> residuals;
  for (std::ptrdiff_t i = random.between(1, 6); i > 0; --i) {
    FloatEpilogue::Step step{
        random.pick({EpilogueKind::mul, EpilogueKind::add, EpilogueKind::div, EpilogueKind::prelu,
                     EpilogueKind::add_rows, EpilogueKind::add_rows}),
        {}};
    if (step.kind == EpilogueKind::add_rows) {
      std::vector<float>& residual = residuals.emplace_back(sums.size());
      for (float& value : residual) value = random.one_in(20) ? random.special() : random.real();
    } else {
      step.operand.resize(outputs);
      for (float& value : step.operand) value = random.real();
    }
    epilogue.steps.push_back(step);
  }
  if (layer.spec.groups == 1 && !random.one_in(3)) {
    epilogue.keep_floats = random.one_in(2);
    epilogue.thresholds.emplace();
    epilogue.thresholds->inverted = random.one_in(2);
    for (std::size_t o = 0; o < outputs; ++o) {
      epilogue.thresholds->lower.push_back(random.real());
      epilogue.thresholds->upper.push_back(
          random.one_in(2) ? random.real() + 2 : std::numeric_limits<float>::infinity());
    }
  }

  std::vector<float> floats(sums.begin(), sums.end());
  std::vector<float> signs(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t o = i % outputs;
    float& y = floats[i];
    std::size_t residual = 0;
    for (const FloatEpilogue::Step& step : epilogue.steps) {
      switch (step.kind) {
        case EpilogueKind::mul:
          y *= step.operand[o];
          break;
        case EpilogueKind::add:
          y += step.operand[o];
          break;
        case EpilogueKind::div:
          y /= step.operand[o];
          break;
        case EpilogueKind::prelu:
          y = y < 0 ? y * step.operand[o] : y;
          break;
        default:
          y += residuals[residual++][i];
      }
    }
    if (!epilogue.thresholds) continue;
    const bool inside = epilogue.thresholds->lower[o] <= y && y <= epilogue.thresholds->upper[o];
    signs[i] = inside != epilogue.thresholds->inverted ? 1.0f : -1.0f;
  }

  std::vector<std::vector<float>> want;
  if (epilogue.keep_floats) want.push_back(floats);
  if (epilogue.thresholds) want.push_back(signs);
  const std::vector<std::vector<float>> got = run_layer(layer, epilogue, kernels, residuals);
  require(got.size() == want.size(), text(layer) + ": wrong number of outputs");
  for (std::size_t output = 0; output < want.size(); ++output) {
    for (std::size_t i = 0; i < sums.size(); ++i) {
      require(same_float(got[output][i], want[output][i]), text(layer) + ": output ",
              static_cast<int>(output), ", element ", static_cast<int>(i), " is ", got[output][i],
              ", expected ", want[output][i]);
    }
  }
}

}  // namespace bnn::test
