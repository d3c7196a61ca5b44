// Pooling, batches, memory planning, and descriptions that make no sense.
#include <algorithm>
#include <array>
#include <functional>
#include <thread>
#include <vector>

#include "base/bits.h"
#include "ops/cast.h"
#include "ops/channel_arithmetic.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "ops/packing.h"
#include "ops/pad_bits.h"
#include "ops/pool.h"
#include "ops/quantize.h"
#include "ops/softmax.h"
#include "runtime/memory_plan.h"
#include "runtime/program.h"
#include "runtime_tests.h"

namespace bnn::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

template <class T>
std::vector<float> run(const Program& program, const Shape& shape, const std::vector<T>& x) {
  const std::array<Shape, 1> shapes{shape};
  std::vector<float> y(index(program.output_shapes(shapes)[0].elements()));
  const std::array<const void*, 1> inputs{x.data()};
  const std::array<void*, 1> outputs{y.data()};
  require(program.run(shapes, inputs, outputs), "gave up without a NaN");
  return y;
}

WindowAxis pool_axis(Random& random) {
  WindowAxis axis;
  axis.kernel = random.between(1, 4);
  axis.stride = random.between(1, 3);
  axis.dilation = random.between(1, 2);
  axis.pad_begin = random.between(0, axis.kernel - 1);
  axis.pad_end = random.between(0, axis.kernel - 1);
  return axis;
}

// `x`, a tensor of `shape`, in another order of axes; `type` is that of T.
template <class T>
void check_permutation(const Shape& shape, const std::vector<int>& order, ElementType type,
                       const std::vector<T>& x, const KernelSet& kernels) {
  ProgramBuilder builder;
  int value = builder.add_input("x", shape, type);
  value = builder.add_op(make_permute("permute", order, kernels, type), {value});
  if (type != ElementType::f32)
    value = builder.add_op(make_cast("cast", type, ElementType::f32), {value});
  const std::vector<float> moved = run(*builder.finish({value}, false, 1), shape, x);
  const int rank = shape.rank();
  std::vector<std::int64_t> at(index(rank), 0);  // in the output
  for (const float element : moved) {
    std::int64_t offset = 0;
    for (int axis = 0; axis < rank; ++axis) {
      const auto found = std::find(order.begin(), order.end(), axis);
      offset = offset * shape[axis] + at[index(found - order.begin())];
    }
    require(same_float(element, static_cast<float>(x[index(offset)])),
            "wrong element of a permutation of ", shape);
    for (int axis = rank - 1; axis >= 0; --axis) {
      if (++at[index(axis)] < shape[order[index(axis)]]) break;
      at[index(axis)] = 0;
    }
  }
}

}  // namespace

void check_pooling(const KernelSet& kernels, Random& random) {
  const Window window{pool_axis(random), pool_axis(random)};
  const bool ceil_mode = random.one_in(2);
  const Shape shape{random.between(1, 2), random.between(4, 9), random.between(4, 9),
                    random.pick({1, 3, 16, 63, 64, 65})};
  std::vector<float> x(index(shape.elements()));
  const InputCode code = random.pick<InputCode>(
      {{}, {.ternary = true}, {.digits = 1}, {.digits = 2, .odd = true}, {.digits = 4, .zero = 8}});
  std::vector<int> numbers;
  for (int n = -15; n <= 15; ++n) {
    if (code.bits_of(n)) numbers.push_back(n);
  }
  for (float& value : x) {
    const auto last = static_cast<std::ptrdiff_t>(numbers.size()) - 1;
    value = static_cast<float>(numbers[index(random.between(0, last))]);
  }
  const Shape declared{-1, -1, -1, shape[3]};

  ProgramBuilder floats;
  const int f = floats.add_input("x", declared);
  const auto float_program = floats.finish(
      {floats.add_op(make_max_pool_f32("pool", {window, ceil_mode}, kernels), {f})}, true, 1);
  ProgramBuilder packed;
  int b = packed.add_input("x", declared);
  std::vector<Thresholds> levels;
  std::vector<unsigned> words;
  std::vector<float> values(std::size_t{1} << code.type().planes);
  for (const int n : numbers) {
    if (n != numbers.front()) levels.push_back({{static_cast<float>(n)}, {kInf}, false});
    words.push_back(*code.bits_of(n));
    values[words.back()] = static_cast<float>(n);
  }
  const BitPlanes planes = level_planes("quantize", levels, words, code.type().planes);
  b = packed.add_op(make_bit_planes("quantize", planes, false, false, kernels), {b});
  b = packed.add_op(make_max_pool_bits("pool", {window, ceil_mode}, code, kernels), {b});
  const auto bit_program =
      packed.finish({packed.add_op(make_unpack_planes("unpack", values), {b})}, true, 1);

  std::vector<float> from_floats, from_bits;
  try {
    from_floats = run(*float_program, shape, x);
  } catch (const ShapeError&) {  // a window without a real pixel: both must say so
    try {
      run(*bit_program, shape, x);
    } catch (const ShapeError&) {
      return;
    }
    throw Failure("only the float pool refuses a window");
  }
  from_bits = run(*bit_program, shape, x);
  require(from_floats == from_bits, "pools of floats and bits differ");

  std::size_t i = 0;
  const std::int64_t out_h = window.h.output_extent(shape[1], ceil_mode);
  const std::int64_t out_w = window.w.output_extent(shape[2], ceil_mode);
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t oy = 0; oy < out_h; ++oy) {
      for (std::int64_t ox = 0; ox < out_w; ++ox) {
        for (std::int64_t c = 0; c < shape[3]; ++c) {
          float best = -kInf;
          for (std::int64_t ky = 0; ky < window.h.kernel; ++ky) {
            for (std::int64_t kx = 0; kx < window.w.kernel; ++kx) {
              const std::int64_t py = window.h.position(oy, ky);
              const std::int64_t px = window.w.position(ox, kx);
              if (py < 0 || py >= shape[1] || px < 0 || px >= shape[2]) continue;
              best = std::max(best, x[index(((n * shape[1] + py) * shape[2] + px) * shape[3] + c)]);
            }
          }
          require(from_floats[i++] == best, "wrong maximum");
        }
      }
    }
  }
  require(i == from_floats.size(), "wrong pool size");
}

void check_layouts(const KernelSet& kernels, Random& random) {
  const int rank = static_cast<int>(random.between(1, 6));
  std::vector<std::int64_t> dims(index(rank));
  std::vector<int> order(index(rank));
  for (int axis = 0; axis < rank; ++axis) {
    dims[index(axis)] = random.between(1, rank < 4 ? 40 : 9);
    order[index(axis)] = axis;
    std::swap(order[index(axis)], order[index(random.between(0, axis))]);
  }
  const Shape shape{std::span<const std::int64_t>(dims)};
  std::vector<float> x(index(shape.elements()));
  for (float& value : x) value = random.real();
  check_permutation(shape, order, ElementType::f32, x, kernels);
  std::vector<std::int8_t> bytes;
  for (std::size_t i = 0; i < x.size(); ++i) {
    bytes.push_back(static_cast<std::int8_t>(random.between(-128, 127)));
  }
  check_permutation(shape, order, ElementType::i8, bytes, kernels);

  const Shape image{random.between(1, 3), random.pick({1, 3, 32, 64, 65, 130}),
                    random.between(1, 12), random.between(1, 12)};
  Thresholds thresholds{{random.real()}, {kInf}, random.one_in(2)};
  if (random.one_in(2)) {
    for (std::int64_t c = 1; c < image[1]; ++c) {
      thresholds.lower.push_back(random.real());
      thresholds.upper.push_back(random.one_in(2) ? kInf : thresholds.lower.back() + 1);
    }
  }
  x.resize(index(image.elements()));
  for (float& value : x) value = random.real();
  const auto bits = [&](bool planar) {
    ProgramBuilder packing;
    int value = packing.add_input("x", Shape{-1, image[1], image[2], image[3]});
    if (planar) {
      value = packing.add_op(make_binarize_planar("binarize", thresholds, kernels), {value});
    } else {
      value = packing.add_op(make_permute("permute", {0, 2, 3, 1}, kernels), {value});
      value = packing.add_op(make_binarize("binarize", thresholds, kernels), {value});
    }
    value = packing.add_op(
        planar ? make_unpack_planar("unpack", kernels) : make_unpack("unpack", kernels), {value});
    if (!planar) value = packing.add_op(make_permute("planes", {0, 3, 1, 2}, kernels), {value});
    return run(*packing.finish({value}, true, 1), image, x);
  };
  require(bits(true) == bits(false), "bits of ", image, " depend on the layout");
}

void check_batches(const KernelSet& kernels, Random& random) {
  // conv → bits → pool → flatten in place → dense → softmax, with random real weights.
  const std::int64_t channels = random.pick({1, 3, 8});
  DotLayerSpec conv;
  conv.name = "conv";
  conv.outputs = random.pick({5, 64, 70});
  conv.features = channels;
  conv.dense = false;
  conv.window = {{3, 1, 1, 1, 1}, {3, 1, 1, 1, 1}};
  std::vector<float> filters(index(conv.outputs * 9 * channels));
  for (float& value : filters) value = random.unit();
  Thresholds thresholds{std::vector<float>(index(conv.outputs), 0.0f),
                        std::vector<float>(index(conv.outputs), kInf), false};
  DotLayerSpec dense;
  dense.name = "dense";
  dense.outputs = 10;
  dense.features = conv.outputs * 9;
  std::vector<std::uint64_t> words(index(dense.outputs * 9 * words_for(conv.outputs)));
  for (std::uint64_t& word : words) word = random.bits();

  ProgramBuilder builder;
  int value = builder.add_input("x", Shape{-1, 6, 6, channels});
  value = builder.add_op(make_f32_layer(conv, filters, thresholds, kernels), {value});
  value = builder.add_op(
      make_max_pool_bits("pool", {{{2, 2, 0, 0, 1}, {2, 2, 0, 0, 1}}}, InputCode{}, kernels),
      {value});
  value = builder.add_op(make_xnor_layer(dense, words, FloatEpilogue{}, kernels), {value});
  value = builder.add_op(
      make_channel_arithmetic("scale", {{{EpilogueKind::mul, {0.01f}}}}, kernels), {value});
  value = builder.add_op(make_softmax("softmax", random.one_in(2)), {value});
  const auto program = builder.finish({value}, true, static_cast<int>(random.between(1, 4)));

  const std::int64_t rows = random.pick({0, 1, 2, 3, 17, 64, 129, 300});
  const std::int64_t row = 36 * channels;
  std::vector<float> x(index(rows * row));
  for (float& element : x) element = random.real();
  const std::vector<float> whole = run(*program, {rows, 6, 6, channels}, x);
  require(whole.size() == index(rows * 10), "wrong batch size");
  for (std::int64_t r = 0; r < rows; r += 1 + rows / 20) {
    const std::vector<float> one(x.begin() + r * row, x.begin() + (r + 1) * row);
    const std::vector<float> alone = run(*program, {1, 6, 6, channels}, one);
    require(std::equal(alone.begin(), alone.end(), whole.begin() + r * 10),
            "row " + std::to_string(r) + " of " + std::to_string(rows) + " differs from batch 1");
  }
  std::vector<std::vector<float>> results(3);
  std::vector<std::thread> callers;
  for (std::vector<float>& result : results) {
    callers.emplace_back([&] { result = run(*program, {rows, 6, 6, channels}, x); });
  }
  for (std::thread& caller : callers) caller.join();
  for (const std::vector<float>& result : results) {
    require(result == whole, "concurrent callers get different answers");
  }
  program->trim();
  require(run(*program, {rows, 6, 6, channels}, x) == whole, "answers change after trim");
}

void check_memory_plan(Random& random) {
  std::vector<Lifetime> tensors;
  for (int i = static_cast<int>(random.between(0, 30)); i > 0; --i) {
    const int first = static_cast<int>(random.between(0, 20));
    const int last = first + static_cast<int>(random.between(0, 5));
    tensors.push_back({static_cast<std::size_t>(random.between(0, 1000)), first, last});
  }
  const ArenaPlan plan = plan_arena(tensors);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    require(plan.offsets[i] % 64 == 0, "misaligned tensor");
    require(plan.offsets[i] + tensors[i].bytes <= plan.bytes, "tensor outside the arena");
    for (std::size_t j = 0; j < i; ++j) {
      const bool alive_together =
          tensors[i].first <= tensors[j].last && tensors[j].first <= tensors[i].last;
      const bool apart = plan.offsets[i] + tensors[i].bytes <= plan.offsets[j] ||
                         plan.offsets[j] + tensors[j].bytes <= plan.offsets[i];
      require(!alive_together || apart, "live tensors overlap");
    }
  }
}

void check_hostile_descriptions(const KernelSet& kernels) {
  const auto refused = [](const std::string& what, const std::function<void()>& action) {
    try {
      action();
    } catch (const Error&) {
      return;
    }
    throw Failure(what + " is accepted");
  };
  const auto spec = [](std::int64_t outputs, std::int64_t features) {
    DotLayerSpec made;
    made.name = "layer";
    made.outputs = outputs;
    made.features = features;
    return made;
  };
  const std::vector<std::uint64_t> words(4);
  const std::vector<float> floats(4);
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{-1}, kHuge, -kHuge}) {
    refused("outputs " + std::to_string(bad),
            [&] { make_xnor_layer(spec(bad, 64), words, FloatEpilogue{}, kernels); });
    refused("features " + std::to_string(bad),
            [&] { make_xnor_layer(spec(4, bad), words, FloatEpilogue{}, kernels); });
    refused("float features " + std::to_string(bad),
            [&] { make_f32_layer(spec(1, bad), floats, FloatEpilogue{}, kernels); });
    refused("window numbers " + std::to_string(bad), [&] {
      DotLayerSpec conv = spec(1, 1);
      conv.dense = false;
      conv.window.h = {bad, bad, bad, bad, bad};
      make_f32_layer(conv, floats, FloatEpilogue{}, kernels);
    });
    refused("groups " + std::to_string(bad), [&] {
      DotLayerSpec conv = spec(4, 1);
      conv.dense = false;
      conv.groups = bad;
      make_f32_layer(conv, floats, FloatEpilogue{}, kernels);
    });
  }
  refused("too few weights", [&] { make_f32_layer(spec(2, 3), floats, FloatEpilogue{}, kernels); });
  refused("a byte layer on floats", [&] {
    const std::vector<std::uint8_t> bits(1);
    make_byte_layer(spec(1, 8), ElementType::f32, bits, FloatEpilogue{}, kernels);
  });
  refused("sums of bytes beyond 32 bits", [&] {
    const std::vector<std::uint8_t> bits(1 << 20);
    make_byte_layer(spec(1, 1 << 23), ElementType::u8, bits, FloatEpilogue{}, kernels);
  });
  refused("a cast of bits", [&] { make_cast("cast", ElementType::bits, ElementType::f32); });
  refused("a function that does not exist",
          [&] { make_binary("f", "Frobnicate", ElementType::f32); });
  refused("a function of the wrong type",
          [&] { make_unary("f", "Exp", ElementType::i32, {}, kernels); });
  refused("operands of two types", [&] {
    ProgramBuilder builder;
    const int x = builder.add_input("x", Shape{4});
    const int y = builder.add_input("y", Shape{4}, ElementType::i32);
    builder.add_op(make_binary("add", "Add", ElementType::f32), {x, y});
  });
  refused("operands that do not fit", [&] {
    ProgramBuilder builder;
    const int x = builder.add_input("x", Shape{-1, 4});
    const std::array<float, 3> three{};
    const int c = builder.add_constant(ElementType::f32, Shape{3}, std::as_bytes(std::span(three)));
    const int sum = builder.add_op(make_binary("add", "Add", ElementType::f32), {x, c});
    const std::vector<float> four(4);
    run(*builder.finish({sum}, false, 1), {1, 4}, four);
  });
  refused("a constant of too few bytes", [&] {
    ProgramBuilder builder;
    const std::array<float, 3> three{};
    builder.add_constant(ElementType::f32, Shape{4}, std::as_bytes(std::span(three)));
  });
  refused("a constant of negative extents", [&] {
    ProgramBuilder builder;
    builder.add_constant(ElementType::f32, Shape{-1, -1}, std::vector<std::byte>(4));
  });
  refused("an input after a constant", [&] {
    ProgramBuilder builder;
    builder.add_constant(ElementType::u8, Shape{}, std::vector<std::byte>(1));
    builder.add_input("x", Shape{4});
  });
  refused("packed bits under another shape",
          [&] { make_reshape("r", {-1, 2}, ElementType::bits); });
  refused("groups of a dense layer", [&] {
    DotLayerSpec dense = spec(4, 64);
    dense.groups = 2;
    make_xnor_layer(dense, words, FloatEpilogue{}, kernels);
  });
  for (const InputCode code : {InputCode{-1}, InputCode{9}, InputCode{2, true}}) {
    refused("an input code of " + std::to_string(code.digits) + " digits", [&] {
      DotLayerSpec layer = spec(4, 64);
      layer.input_code = code;
      make_xnor_layer(layer, words, FloatEpilogue{}, kernels);
    });
  }
  for (const WeightCode& code : {WeightCode{{}}, WeightCode{{1}}, WeightCode{{-1, 0}},
                                 WeightCode{{0, 99}}, WeightCode{{0}, 1 << 30}}) {
    refused("a weight code", [&] {
      DotLayerSpec layer = spec(4, 64);
      layer.weight_code = code;
      make_xnor_layer(layer, words, FloatEpilogue{}, kernels);
    });
  }
  refused("zeros and weights with a constant", [&] {
    DotLayerSpec layer = spec(4, 64);
    layer.input_code.ternary = true;
    layer.weight_code = {{0}, 1, true};
    make_xnor_layer(layer, words, FloatEpilogue{}, kernels);
  });
  refused("sums of planes beyond 30 bits", [&] {
    DotLayerSpec layer = spec(1, 1 << 24);
    layer.input_code.digits = 8;
    make_xnor_layer(layer, std::vector<std::uint64_t>(1 << 18), FloatEpilogue{}, kernels);
  });
  refused("no planes", [&] { make_bit_planes("planes", BitPlanes{}, false, false, kernels); });
  refused("levels that are not nested",
          [&] { digit_planes("levels", {{{1.0f}, {kInf}, false}, {{0.0f}, {kInf}, false}}); });
  refused("more codes than levels",
          [&] { level_planes("levels", {{{1.0f}, {kInf}, false}}, {0, 1, 2}, 2); });
  refused("a code that planes cannot hold",
          [&] { level_planes("levels", {{{1.0f}, {kInf}, false}}, {0, 2}, 1); });
  refused("three values of two planes", [&] { make_unpack_planes("unpack", {0, 1, 2}); });
  refused("a zero beyond the levels", [&] {
    DotLayerSpec layer = spec(4, 64);
    layer.input_code = {.digits = 2, .zero = 4};
    make_xnor_layer(layer, words, FloatEpilogue{}, kernels);
  });
  refused("padding with a value that bits cannot hold",
          [&] { make_pad_bits("pad", InputCode{}, 0, {1, 1}, {1, 1}); });
  refused("negative padding", [&] { make_pad_bits("pad", InputCode{}, 1, {1, -1}, {1, 1}); });
  refused("a NaN threshold", [&] {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    make_f32_layer(spec(1, 4), floats, Thresholds{{nan}, {0.0f}, false}, kernels);
  });
  refused("too few thresholds",
          [&] { make_f32_layer(spec(2, 2), floats, Thresholds{{0.0f}, {0.0f}, false}, kernels); });
  refused("an operand of the wrong size", [&] {
    make_f32_layer(spec(2, 2), floats, FloatEpilogue{{{EpilogueKind::add, {1.0f}}}}, kernels);
  });
  refused("an operand where a tensor is added", [&] {
    make_f32_layer(spec(1, 4), floats, FloatEpilogue{{{EpilogueKind::add_rows, {1.0f}}}}, kernels);
  });
  refused("too many steps", [&] {
    FloatEpilogue epilogue;
    epilogue.steps.assign(kMaxEpilogueSteps + 1, {EpilogueKind::add, {1.0f}});
    make_f32_layer(spec(1, 4), floats, epilogue, kernels);
  });
  refused("neither floats nor bits", [&] {
    make_f32_layer(spec(1, 4), floats, FloatEpilogue{.steps = {}, .keep_floats = false}, kernels);
  });
  const FloatEpilogue residual{{{EpilogueKind::add_rows, {}}}};
  refused("a layer without its residual", [&] {
    ProgramBuilder builder;
    const int x = builder.add_input("x", Shape{-1, 4});
    builder.add_op(make_f32_layer(spec(1, 4), floats, residual, kernels), {x});
  });
  refused("a residual of another shape", [&] {
    ProgramBuilder builder;
    const int x = builder.add_input("x", Shape{-1, 4});
    const int sum = builder.add_op(make_f32_layer(spec(1, 4), floats, residual, kernels), {x, x});
    const std::vector<float> four(4);
    run(*builder.finish({sum}, true, 1), {1, 4}, four);
  });
  refused("a residual outside a layer", [&] { make_channel_arithmetic("add", residual, kernels); });
  refused("a value that does not exist", [&] {
    ProgramBuilder builder;
    builder.add_input("x", Shape{-1, 4});
    builder.add_op(make_softmax("softmax", true), {7});
  });
  refused("floats where bits are due", [&] {
    ProgramBuilder builder;
    const int x = builder.add_input("x", Shape{-1, 64});
    builder.add_op(make_xnor_layer(spec(4, 64), words, FloatEpilogue{}, kernels), {x});
  });
  refused("packed bits as an output", [&] {
    ProgramBuilder builder;
    const int x = builder.add_input("x", Shape{-1, 64});
    const int bits =
        builder.add_op(make_binarize("binarize", {{0.0f}, {kInf}, false}, kernels), {x});
    builder.finish({bits}, true, 1);
  });
  refused("a batch that is merged into another axis", [&] {
    ProgramBuilder builder;
    const int x = builder.add_input("x", Shape{-1, 4});
    const auto program = builder.finish({builder.add_op(make_reshape("r", {-1, 2}), {x})}, true, 1);
    const std::vector<float> four(4);
    run(*program, {1, 4}, four);
  });
  refused("a permutation with a repeated axis", [&] { make_permute("p", {0, 0}, kernels); });
  refused("a pool that is all padding",
          [&] { make_max_pool_f32("pool", {{{2, 1, 2, 2, 1}, {2, 1, 2, 2, 1}}}, kernels); });
}

}  // namespace bnn::test
