// Ops that move elements, against plain loops; sums along axes; descriptions that make no sense.
#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <vector>

#include "ops/concat.h"
#include "ops/conv_transpose.h"
#include "ops/gather.h"
#include "ops/index_axes.h"
#include "ops/layout.h"
#include "ops/matmul.h"
#include "ops/normalize.h"
#include "ops/one_hot.h"
#include "ops/order.h"
#include "ops/packing.h"
#include "ops/pool.h"
#include "ops/reduce.h"
#include "ops/resample.h"
#include "ops/trilu.h"
#include "runtime/program.h"
#include "runtime_tests.h"

namespace bnn::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<float> run(ProgramBuilder& builder, int output, const std::vector<Shape>& shapes,
                       const std::vector<std::vector<float>>& inputs) {
  const auto program = builder.finish({output}, false, 1);
  std::vector<float> y(index(program->output_shapes(shapes)[0].elements()));
  std::vector<const void*> sources;
  for (const std::vector<float>& input : inputs) sources.push_back(input.data());
  const std::array<void*, 1> outputs{y.data()};
  require(program->run(shapes, sources, outputs), "gave up without a NaN");
  return y;
}

std::vector<float> numbers(const Shape& shape, Random& random) {
  std::vector<float> x(index(shape.elements()));
  for (float& value : x) value = random.real();
  return x;
}

Shape random_shape(int rank, Random& random) {
  std::array<std::int64_t, kMaxRank> extents{};
  for (int axis = 0; axis < rank; ++axis) extents[index(axis)] = random.between(1, 5);
  return Shape(std::span<const std::int64_t>(extents.data(), index(rank)));
}

// A rule for an axis, and the positions that it stands for.
std::pair<AxisIndex, std::vector<std::int64_t>> random_rule(std::int64_t extent, Random& random) {
  std::vector<std::int64_t> positions;
  switch (random.between(0, 3)) {
    case 0:
      for (std::int64_t i = 0; i < extent; ++i) positions.push_back(i);
      return {KeepAxis{}, positions};
    case 1: {
      const std::int64_t step = random.pick<std::int64_t>({-3, -1, 1, 2});
      const std::int64_t first = random.between(0, extent - 1);
      const std::int64_t count = random.between(1, extent);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t position = first + i * step;
        if (position >= 0 && position < extent) positions.push_back(position);
      }
      // The end as ONNX writes it: −extent − 1 is in front of the axis.
      const std::int64_t last = positions.back() + (step > 0 ? 1 : -1);
      return {SliceAxis{first, last < 0 ? -extent - 1 : last, step}, positions};
    }
    case 2: {
      const std::int64_t before = random.between(-1, 3);
      const std::int64_t after = std::max(random.between(-1, 3), 1 - extent - before);
      for (std::int64_t i = -before; i < extent + after; ++i) {
        positions.push_back(i >= 0 && i < extent ? i : -1);
      }
      return {PadAxis{before, after}, positions};
    }
    default:
      for (std::int64_t i = random.between(1, 7); i > 0; --i) {
        positions.push_back(random.between(-1, extent - 1));
      }
      return {ListAxis{extent, positions}, positions};
  }
}

void check_index_axes(Random& random) {
  const Shape shape = random_shape(static_cast<int>(random.between(1, 5)), random);
  std::vector<AxisIndex> rules;
  std::vector<std::vector<std::int64_t>> positions;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    auto [rule, at] = random_rule(shape[axis], random);
    rules.push_back(rule);
    positions.push_back(at);
  }
  const float fill = 7.5f;
  std::vector<std::byte> bytes(sizeof(float));
  std::memcpy(bytes.data(), &fill, sizeof(float));
  const std::vector<float> x = numbers(shape, random);
  ProgramBuilder builder;
  int value = builder.add_input("x", shape);
  value = builder.add_op(make_index_axes("pick", rules, ElementType::f32, bytes), {value});
  const std::vector<float> got = run(builder, value, {shape}, {x});
  std::vector<std::size_t> at(index(shape.rank()), 0);
  for (const float element : got) {
    std::int64_t offset = 0;
    bool inside = true;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const std::int64_t position = positions[index(axis)][at[index(axis)]];
      inside = inside && position >= 0;
      offset = offset * shape[axis] + position;
    }
    require(element == (inside ? x[index(offset)] : fill), "wrong element picked of ", shape);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      if (++at[index(axis)] < positions[index(axis)].size()) break;
      at[index(axis)] = 0;
    }
  }
}

// Packed parts joined along channels or rows are those of the joined numbers.
void check_packed_concat(const KernelSet& kernels, Random& random) {
  const bool along_channels = random.one_in(2);
  std::vector<Shape> shapes;
  std::vector<std::vector<float>> inputs;
  const std::int64_t channels = random.pick<std::int64_t>({1, 63, 64, 65, 130});
  for (std::int64_t i = random.between(1, 3); i > 0; --i) {
    const std::int64_t own = along_channels ? 64 * random.between(1, 2) : channels;
    shapes.push_back({2, along_channels ? 3 : random.between(1, 4), 2, own});
    if (along_channels && i == 1) shapes.back()[3] = random.between(1, 130);
    inputs.push_back(numbers(shapes.back(), random));
  }
  const int axis = along_channels ? 3 : 1;
  const Thresholds thresholds{{0.0f}, {kInf}, false};
  const auto joined = [&](bool packed) {
    ProgramBuilder builder;
    std::vector<int> parts;
    for (const Shape& shape : shapes) parts.push_back(builder.add_input("x", shape));
    const auto pack = [&](int value) {
      return builder.add_op(make_binarize("binarize", thresholds, kernels), {value});
    };
    if (packed) {
      for (int& part : parts) part = pack(part);
    }
    const TensorType type = packed ? ElementType::bits : ElementType::f32;
    int value = builder.add_op(make_concat("concat", axis, parts.size(), type), parts);
    if (!packed) value = pack(value);
    return run(builder, builder.add_op(make_unpack("unpack", kernels), {value}), shapes, inputs);
  };
  require(joined(true) == joined(false), "joined bits differ from those of joined numbers");
}

void check_reduction(Random& random) {
  const Shape shape = random_shape(static_cast<int>(random.between(1, 5)), random);
  std::vector<int> axes;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (random.one_in(2)) axes.push_back(axis);
  }
  std::vector<float> x(index(shape.elements()));
  for (float& value : x) value = static_cast<float>(random.between(-9, 9));
  ProgramBuilder builder;
  int value = builder.add_input("x", shape);
  value = builder.add_op(make_reduce("sum", Reduction::sum, axes, true), {value});
  const std::vector<float> got = run(builder, value, {shape}, {x});
  std::vector<float> wanted(got.size(), 0.0f);
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    std::int64_t rest = i, place = 0, stride = 1;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) {
        place += rest % shape[axis] * stride;
        stride *= shape[axis];
      }
      rest /= shape[axis];
    }
    wanted[index(place)] += x[index(i)];
  }
  require(got == wanted, "wrong sums over axes of ", shape);
}

void check_product(const KernelSet& kernels, Random& random) {
  const std::int64_t rows = random.between(1, 70), depth = random.between(0, 40);
  const std::int64_t columns = random.between(1, 140), batch = random.between(1, 3);
  const bool transposed = random.one_in(2), shared = random.one_in(2);
  const Shape a{batch, rows, depth};
  const Shape b{shared ? 1 : batch, transposed ? columns : depth, transposed ? depth : columns};
  std::vector<float> x(index(a.elements())), w(index(b.elements()));
  for (float& value : x) value = static_cast<float>(random.between(-9, 9));
  for (float& value : w) value = static_cast<float>(random.between(-9, 9));
  ProgramBuilder builder;
  const int left = builder.add_input("a", a);
  const int right = builder.add_input("b", b);
  const int value = builder.add_op(make_matmul("product", transposed, kernels), {left, right});
  const std::vector<float> got = run(builder, value, {a, b}, {x, w});
  for (std::int64_t n = 0; n < batch; ++n) {
    const std::int64_t matrix = shared ? 0 : n * depth * columns;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        float sum = 0;
        for (std::int64_t k = 0; k < depth; ++k) {
          sum += x[index((n * rows + r) * depth + k)] *
                 w[index(matrix + (transposed ? c * depth + k : k * columns + c))];
        }
        require(got[index((n * rows + r) * columns + c)] == sum, "wrong product");
      }
    }
  }
}

}  // namespace

void check_moving(const KernelSet& kernels, Random& random) {
  check_index_axes(random);
  check_packed_concat(kernels, random);
  check_reduction(random);
  check_product(kernels, random);
}

void check_hostile_moves(const KernelSet& kernels) {
  const auto refused = [](const std::string& what, const std::function<void()>& action) {
    try {
      action();
    } catch (const Error&) {
      return;
    }
    throw Failure(what + " is accepted");
  };
  const auto run_on = [](std::unique_ptr<Op> op, const Shape& shape) {
    ProgramBuilder builder;
    std::vector<int> inputs;
    std::vector<Shape> shapes;
    for (std::size_t i = 0; i < op->input_count(); ++i) {
      inputs.push_back(builder.add_input("x", shape, op->input_type(i).element));
      shapes.push_back(shape);
    }
    builder.finish({builder.add_op(std::move(op), inputs)}, false, 1)->output_shapes(shapes);
  };
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::byte> four(4);
  const auto pick = [&](const AxisIndex& rule) {
    return make_index_axes("pick", {rule}, ElementType::f32, four);
  };
  refused("a slice of step 0", [&] { pick(SliceAxis{0, 1, 0}); });
  refused("a position outside", [&] { pick(ListAxis{3, {3}}); });
  refused("padding without an element",
          [&] { make_index_axes("pick", {PadAxis{1, 0}}, ElementType::f32, {}); });
  refused("packed channels picked", [&] {
    make_index_axes("pick", {KeepAxis{}, SliceAxis{0, 1, 1}}, ElementType::bits, {});
  });
  refused("a pad beyond all memory", [&] { run_on(pick(PadAxis{kHuge, kHuge}), {4}); });
  refused("more cut off than there is", [&] { run_on(pick(PadAxis{-3, -3}), {4}); });
  refused("a list for another extent", [&] { run_on(pick(ListAxis{3, {0}}), {4}); });
  refused("parts of different shape", [&] {
    ProgramBuilder builder;
    const int a = builder.add_input("a", Shape{2, 3});
    const int b = builder.add_input("b", Shape{3, 3});
    const int y = builder.add_op(make_concat("c", 1, 2, ElementType::f32), {a, b});
    const std::vector<Shape> shapes{{2, 3}, {3, 3}};
    builder.finish({y}, false, 1)->output_shapes(shapes);
  });
  refused("channels joined inside a word",
          [&] { run_on(make_concat("c", 9, 1, ElementType::f32), {2}); });
  refused("an axis reduced twice", [&] { make_reduce("r", Reduction::sum, {1, 1}, true); });
  refused("an axis that is not there",
          [&] { run_on(make_reduce("r", Reduction::sum, {2}, true), {2, 2}); });
  refused("no extreme element", [&] { run_on(make_extreme("e", {}, ElementType::f32), {0}); });
  refused("more elements than a line has",
          [&] { run_on(make_top_k("t", 0, 5, true, ElementType::f32), {4}); });
  refused("indices that are floats",
          [&] { make_gather("g", 0, ElementType::f32, ElementType::f32); });
  refused("matrices that do not fit", [&] { run_on(make_matmul("m", false, kernels), {2, 3}); });
  refused("a triangle of a line", [&] { run_on(make_trilu("t", true, 0, ElementType::f32), {3}); });
  refused("groups that do not divide", [&] {
    NormalizationSpec spec;
    spec.groups = 2;
    spec.scale = {1, 1, 1};
    make_normalize("n", spec);
  });
  refused("a depth beyond all memory",
          [&] { make_one_hot("o", {0, kHuge, ElementType::i64, ElementType::f32, four, four}); });
  refused("resampling outside", [&] { make_resample("r", 0, 3, 1, {3}, {1.0f}); });
  refused("a transposed convolution without weights", [&] {
    ConvTransposeSpec spec;
    spec.channels = spec.outputs = 1;
    spec.extra = {0, 0};
    make_conv_transpose("c", spec);
  });
  refused("pooling over one axis", [&] { make_max_pool_f32("p", {{}, false, 1}, kernels); });
}

}  // namespace bnn::test
