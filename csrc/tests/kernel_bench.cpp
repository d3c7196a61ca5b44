// GMAC/s of the dot-product kernels and Gelement/s of the others, for every manifest row that this
// CPU supports, in cache; binary layers, packed in and packed out, and first layers, packed out.
// Minimum time of many: the figure is the kernel's, not the machine's noise.
//
// Binary products also show their share of B, the rate of xor + popcount + add on 512-bit vectors
// at two operations a cycle: 512 products in 1.5 cycles of the clock measured in the same run.
// Products with padding are not counted.
//
//   bnn_kernel_bench [--tsv] [FAMILY [SHAPE]]
//
// FAMILY, SHAPE: only what contains these texts in the first and the second column. With --tsv the
// columns are parted by tabs: kernel, shape, seconds of a call, work of a call and its unit.
#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bits.h"
#include "cpu/isa.h"
#include "kernels/kernel_set.h"
#include "ops/dot_layer.h"
#include "ops/pool.h"

namespace {

using namespace bnn;

struct Options {
  bool tsv = false;
  std::string_view shape;
};

Options options;

bool wanted(std::string_view shape) { return shape.find(options.shape) != std::string_view::npos; }

// Memory aligned to 64 bytes, as the contracts ask for.
template <class T>
class Aligned {
 public:
  explicit Aligned(std::ptrdiff_t count)
      : storage_(static_cast<std::size_t>(count) + 64 / sizeof(T)) {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    first_ = reinterpret_cast<T*>((address + 63) / 64 * 64);
  }
  T* data() { return first_; }
  T& operator[](std::ptrdiff_t i) { return first_[i]; }

 private:
  std::vector<T> storage_;
  T* first_;
};

// Seconds of one call: the least over many samples of enough calls to outweigh the clock.
template <class Run>
double seconds(Run run) {
  using Clock = std::chrono::steady_clock;
  const auto sample = [&run](int calls) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) run();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  int calls = 1;
  while (sample(calls) < 20e-6) calls *= 2;
  double least = 1;
  const auto start = Clock::now();
  while (std::chrono::duration<double>(Clock::now() - start).count() < 0.15) {
    least = std::min(least, sample(calls) / calls);
  }
  return least;
}

// Cycles a second, by a chain of dependent additions of one cycle each.
double clock_rate() {
  constexpr int kAdditions = 1 << 16;
  const double time = seconds([] {
    std::uint64_t x = 0;
    for (int i = 0; i < kAdditions; i += 8) {
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) {
        x += 1;
        asm volatile("" : "+r"(x));
      }
    }
  });
  return kAdditions / time;
}

double bound() {
  static const double rate = clock_rate() * 512 / 1.5;
  return rate;
}

// `unit` is what `work` counts. Binary products show their share of B as well.
void print_row(const std::string& name, std::string_view shape, double per_call, double work,
               const char* unit, bool binary = false) {
  const int width = static_cast<int>(shape.size());
  if (options.tsv) {
    std::printf("%s\t%.*s\t%.9e\t%.0f\t%s\n", name.c_str(), width, shape.data(), per_call, work,
                unit);
    return;
  }
  std::printf("%-40s %-42.*s %9.2f us %8.1f G%s/s", name.c_str(), width, shape.data(),
              per_call * 1e6, work / per_call * 1e-9, unit);
  if (binary) std::printf(" %6.3f B", work / per_call / bound());
  std::puts("");
}

void print(const std::string& name, std::string_view shape, double per_call, double elements) {
  print_row(name, shape, per_call, elements, "element");
}

void print_macs(const std::string& name, std::string_view shape, double per_call, double macs) {
  print_row(name, shape, per_call, macs, "MAC");
}

void print_binary(const std::string& name, std::string_view shape, double per_call, double macs) {
  print_row(name, shape, per_call, macs, "MAC", true);
}

void print_bytes(const std::string& name, std::string_view shape, double per_call, double bytes) {
  print_row(name, shape, per_call, bytes, "B");
}

struct GemmShape {
  std::string_view name;
  std::ptrdiff_t rows;
  std::ptrdiff_t channels;
  std::vector<Segment> segments;  // in elements of the family's input
  std::ptrdiff_t row_stride;
  std::uint32_t zero_percent = 0;  // of the input: kernels may skip them
};

std::ptrdiff_t length(const GemmShape& shape) {
  std::ptrdiff_t sum = 0;
  for (const Segment& s : shape.segments) sum += s.length;
  return sum;
}

// Calls `run` as the loops around the kernels do: blocks of channels outside, blocks of rows
// inside.
template <class Fn, class In, class W, class Acc, class Call>
void gemm(const Variant<Fn>& row, const GemmShape& shape, std::ptrdiff_t weights_per_k,
          double macs_per_element, In one, W pattern, Call call) {
  if (!wanted(shape.name)) return;
  const std::ptrdiff_t k = length(shape);
  const std::ptrdiff_t lanes = row.lanes;
  const std::ptrdiff_t vectors = (shape.channels + lanes - 1) / lanes;
  const std::ptrdiff_t vector_stride = (k * weights_per_k + 63) / 64 * 64;
  std::ptrdiff_t reach = 0;
  for (const Segment& s : shape.segments) reach = std::max(reach, s.input + s.length);
  Aligned<In> input(shape.rows * shape.row_stride + reach);
  Aligned<W> weights(vectors * vector_stride);
  std::uint32_t noise = 1;
  for (std::ptrdiff_t i = 0; i < shape.rows * shape.row_stride + reach; ++i) {
    noise = noise * 1664525u + 1013904223u;
    input[i] = (noise >> 8) % 100 < shape.zero_percent ? In{0} : one;
  }
  for (std::ptrdiff_t i = 0; i < vectors * vector_stride; ++i) weights[i] = static_cast<W>(pattern);
  Aligned<Acc> acc(kMaxRows * kMaxVectors * 16);
  const double time = seconds([&] {
    for (std::ptrdiff_t v = 0; v < vectors; v += kMaxVectors) {
      for (std::ptrdiff_t r = 0; r < shape.rows; r += kMaxRows) {
        call(row.run, input.data() + r * shape.row_stride, shape.row_stride,
             static_cast<int>(std::min<std::ptrdiff_t>(kMaxRows, shape.rows - r)),
             shape.segments.data(), static_cast<int>(shape.segments.size()),
             weights.data() + v * vector_stride, vector_stride,
             static_cast<int>(std::min<std::ptrdiff_t>(kMaxVectors, vectors - v)), acc.data(),
             kMaxVectors * 16);
      }
    }
  });
  const auto show = std::is_same_v<Fn, XnorGemmFn> ? print_binary : print_macs;
  show(row.name(), shape.name, time,
       static_cast<double>(shape.rows * k * shape.channels) * macs_per_element);
}

std::vector<Segment> window(std::ptrdiff_t taps, std::ptrdiff_t tap_length, std::ptrdiff_t pitch) {
  std::vector<Segment> segments;
  for (std::ptrdiff_t t = 0; t < taps; ++t)
    segments.push_back({t * pitch, t * tap_length, tap_length});
  return segments;
}

// Two planes of the input by two of the weights, `length` words each: products of weight 4, 2, 2
// and 1.
std::vector<Segment> two_by_two_planes(std::ptrdiff_t length) {
  return {{0, 0, length}, {0, length, length, 1}, {length, 0, length}, {length, length, length, 1}};
}

void bench_xnor_gemm(const Variant<XnorGemmFn>& row) {
  const GemmShape shapes[] = {
      {"64x2304x256", 64, 256, window(1, 36, 0), 36},
      {"256x4096x1024", 256, 1024, window(1, 64, 0), 64},
      {"1x2304x256", 1, 256, window(1, 36, 0), 36},
      {"1x128x256", 1, 256, window(1, 2, 0), 2},
      {"conv 3x3 64->64, 28 pixels", 28, 64, window(3, 3, 30), 1},
      {"conv 3x3 32->32, 11 pixels", 11, 32, window(3, 3, 13), 1},
      {"7x1152x128", 7, 128, window(1, 18, 0), 18},
      {"64x576x256, 2 x 2 planes", 64, 256, two_by_two_planes(9), 18},
  };
  for (const GemmShape& shape : shapes) {
    gemm<XnorGemmFn, std::uint64_t, std::uint64_t, std::int32_t>(
        row, shape, row.lanes, 64, std::uint64_t{0x0123456789ABCDEF},
        std::uint64_t{0xFEDCBA9876543210},
        [](XnorGemmFn run, const std::uint64_t* input, std::ptrdiff_t row_stride, int rows,
           const Segment* segments, int segment_count, const std::uint64_t* weights,
           std::ptrdiff_t vector_stride, int vectors, std::int32_t* acc,
           std::ptrdiff_t acc_stride) {
          run(input, row_stride, rows, segments, segment_count, weights, vector_stride, vectors, 64,
              acc, acc_stride);
        });
  }
}

struct ChainShape {
  std::string_view name;
  std::ptrdiff_t rows;
  std::ptrdiff_t channels;
  std::ptrdiff_t words;
};

void bench_xnor_chain(const Variant<XnorChainFn>& row) {
  const ChainShape shapes[] = {{"64x2304x256", 64, 256, 36},
                               {"256x4096x1024", 256, 1024, 64},
                               {"64x576x64", 64, 64, 9},
                               {"1x2304x256", 1, 256, 36},
                               {"1x256x256", 1, 256, 4}};
  for (const ChainShape& shape : shapes) {
    if (!wanted(shape.name)) continue;
    const std::ptrdiff_t vectors = shape.channels / row.lanes;
    Aligned<std::uint64_t> input(shape.rows * shape.words), weights(shape.channels * shape.words);
    for (std::ptrdiff_t i = 0; i < shape.rows * shape.words; ++i) input[i] = 0x0123456789ABCDEF;
    for (std::ptrdiff_t i = 0; i < shape.channels * shape.words; ++i) {
      weights[i] = 0x9E3779B97F4A7C15u * static_cast<std::uint64_t>(i);
    }
    std::vector<std::ptrdiff_t> inputs;
    for (std::ptrdiff_t r = 0; r < shape.rows; ++r) inputs.push_back(r * shape.words);
    Aligned<std::int32_t> acc(shape.rows * shape.channels);
    const Segment chain{0, 0, shape.words};
    const double time = seconds([&] {
      row.run(input.data(), inputs.data(), shape.rows, &chain, 1, weights.data(),
              shape.words * row.lanes, vectors, 64, acc.data(), shape.channels);
    });
    print_binary(row.name(), shape.name, time,
                 static_cast<double>(shape.rows * shape.channels * shape.words * 64));
  }
}

// Masks on the input, on the weights, and on both sides.
void bench_xnor_masked(const Variant<XnorMaskedFn>& row) {
  struct MaskedShape {
    std::string_view name;
    std::ptrdiff_t rows;
    std::ptrdiff_t channels;
    std::vector<Segment> segments;
    std::ptrdiff_t row_stride;
  };
  const MaskedShape shapes[] = {
      {"64x2304x256", 64, 256, window(1, 36, 0), 36},
      {"1x2304x256", 1, 256, window(1, 36, 0), 36},
      {"conv 3x3 64->64, 28 pixels", 28, 64, window(3, 3, 30), 1},
  };
  for (const MaskedShape& shape : shapes) {
    std::ptrdiff_t k = 0;
    for (const Segment& s : shape.segments) k += s.length;
    const std::ptrdiff_t reach = shape.segments.back().input + shape.segments.back().length;
    const std::ptrdiff_t words = (shape.rows - 1) * shape.row_stride + reach;
    const std::ptrdiff_t vectors = (shape.channels + row.lanes - 1) / row.lanes;
    const std::ptrdiff_t vector_stride = 2 * k * row.lanes;  // words and their masks
    Aligned<std::uint64_t> input(2 * words), weights(vectors * vector_stride);
    std::uint64_t noise = 0;
    for (std::ptrdiff_t i = 0; i < 2 * words; ++i) input[i] = noise += 0x9E3779B97F4A7C15u;
    for (std::ptrdiff_t i = 0; i < vectors * vector_stride; ++i) {
      weights[i] = noise += 0x9E3779B97F4A7C15u;
    }
    std::vector<std::ptrdiff_t> inputs;
    for (std::ptrdiff_t r = 0; r < shape.rows; ++r) inputs.push_back(r * shape.row_stride);
    Aligned<std::int32_t> acc(kMaxRows * kMaxVectors * 16);
    struct Masks {
      std::string_view name;
      std::ptrdiff_t input;
      std::ptrdiff_t weights;
    };
    for (const Masks& masks :
         {Masks{", input masked", words, 0}, Masks{", weights masked", 0, k * row.lanes},
          Masks{", both masked", words, k * row.lanes}}) {
      const std::string name = std::string(shape.name) + std::string(masks.name);
      if (!wanted(name)) continue;
      const double time = seconds([&] {
        for (std::ptrdiff_t v = 0; v < vectors; v += kMaxVectors) {
          for (std::ptrdiff_t r = 0; r < shape.rows; r += kMaxRows) {
            row.run(input.data(), inputs.data() + r,
                    std::min<std::ptrdiff_t>(kMaxRows, shape.rows - r), masks.input,
                    shape.segments.data(), static_cast<int>(shape.segments.size()),
                    weights.data() + v * vector_stride, vector_stride,
                    std::min<std::ptrdiff_t>(kMaxVectors, vectors - v), masks.weights, acc.data(),
                    kMaxVectors * 16);
          }
        }
      });
      print_binary(row.name(), name, time,
                   static_cast<double>(shape.rows * k * shape.channels * 64));
    }
  }
}

struct LayerShape {
  std::string_view name;
  DotLayerSpec spec;
  Shape input;
  double macs;  // real taps only
};

LayerShape dense_shape(std::string_view name, std::int64_t rows, std::int64_t features,
                       std::int64_t outputs) {
  DotLayerSpec spec;
  spec.name = name;
  spec.outputs = outputs;
  spec.features = features;
  return {name, spec, {rows, features}, static_cast<double>(rows * features * outputs)};
}

LayerShape image_shape(std::string_view name, std::int64_t size, std::int64_t channels,
                       std::int64_t outputs, const WindowAxis& axis) {
  double taps = 0;
  for (std::int64_t o = 0; o < axis.output_extent(size); ++o) {
    const WindowAxis::Taps real = axis.real_taps(o, size);
    taps += static_cast<double>(real.last - real.first);
  }
  DotLayerSpec spec;
  spec.name = name;
  spec.outputs = outputs;
  spec.features = channels;
  spec.dense = false;
  spec.window = {axis, axis};
  return {
      name, spec, {1, size, size, channels}, taps * taps * static_cast<double>(channels * outputs)};
}

LayerShape conv_shape(std::string_view name, std::int64_t size, std::int64_t channels,
                      std::int64_t pad) {
  return image_shape(name, size, channels, channels, {3, 1, pad, pad, 1});
}

// Seconds of a whole op of one input and one output.
double op_seconds(const Op& op, const Shape& in) {
  const Shape out = op.infer({&in, 1});
  const std::size_t input_bytes = tensor_bytes(op.input_type(0), in);
  Aligned<std::byte> input(static_cast<std::ptrdiff_t>(input_bytes));
  Aligned<std::byte> output(static_cast<std::ptrdiff_t>(tensor_bytes(op.output_type(0), out)));
  Aligned<std::byte> scratch(static_cast<std::ptrdiff_t>(op.scratch_bytes({&in, 1})));
  std::memset(input.data(), 1, input_bytes);  // no zeros to skip
  TensorView values[] = {{input.data(), in}, {output.data(), out}};
  const int inputs[] = {0};
  const int outputs[] = {1};
  return seconds([&] { op.run({values, inputs, outputs, scratch.data()}); });
}

// A whole layer: packed bits in, sums thresholded to packed bits.
void bench_xnor_layer(const KernelSet& kernels, const LayerShape& shape) {
  const std::int64_t taps = shape.spec.dense ? 1 : 9;
  std::vector<std::uint64_t> weights(
      static_cast<std::size_t>(shape.spec.outputs * taps * words_for(shape.spec.features)));
  std::uint64_t noise = 0;
  for (std::uint64_t& word : weights) word = noise += 0x9E3779B97F4A7C15u;
  const std::vector<float> lower(static_cast<std::size_t>(shape.spec.outputs), 1.0f);
  const std::vector<float> upper(static_cast<std::size_t>(shape.spec.outputs), 1e9f);
  const std::unique_ptr<Op> op =
      make_xnor_layer(shape.spec, weights, Thresholds{lower, upper, false}, kernels);
  print_binary(op->kernel(), shape.name, op_seconds(*op, shape.input), shape.macs);
}

// What a 2 × 2 pool with stride 2 adds to a layer whose bits it reads.
void bench_pool_layers(std::string_view filter) {
  if (std::string_view("pool_layer").find(filter) == std::string_view::npos) return;
  const WindowAxis axis{2, 2, 0, 0, 1};
  for (Isa isa : compiled_isas()) {
    if (!cpu_supports(isa)) continue;
    for (const auto& [size, channels] :
         {std::pair{56, 64}, {28, 128}, {14, 256}, {26, 32}, {11, 32}}) {
      const std::unique_ptr<Op> op =
          make_max_pool_bits("pool", {{axis, axis}}, InputCode{}, kernel_set(isa));
      const Shape shape{1, size, size, channels};
      if (!wanted(shape.text())) continue;
      print("pool_layer, " + op->kernel(), shape.text(), op_seconds(*op, shape),
            static_cast<double>(shape.elements()));
    }
  }
}

void bench_xnor_layers(std::string_view filter) {
  if (std::string_view("xnor_layer").find(filter) == std::string_view::npos) return;
  const LayerShape shapes[] = {conv_shape("conv 56x56x64", 56, 64, 1),
                               conv_shape("conv 28x28x128", 28, 128, 1),
                               conv_shape("conv 14x14x256", 14, 256, 1),
                               conv_shape("conv 7x7x512", 7, 512, 1),
                               conv_shape("conv 13x13x32, no pad", 13, 32, 0),
                               dense_shape("dense 64x2304x256", 64, 2304, 256),
                               dense_shape("dense 256x4096x1024", 256, 4096, 1024),
                               dense_shape("dense 1x1600x32", 1, 1600, 32),
                               dense_shape("dense 1x128x256", 1, 128, 256),
                               dense_shape("dense 1x256x256", 1, 256, 256),
                               dense_shape("dense 1x512x512", 1, 512, 512),
                               dense_shape("dense 1x1024x1024", 1, 1024, 1024),
                               dense_shape("dense 16x1024x1024", 16, 1024, 1024),
                               dense_shape("dense 1x9216x4096", 1, 9216, 4096),
                               dense_shape("dense 64x128x256", 64, 128, 256),
                               dense_shape("dense 64x256x256", 64, 256, 256)};
  for (const LayerShape& shape : shapes) {
    if (!wanted(shape.name)) continue;
    for (Isa isa : compiled_isas()) {
      if (!cpu_supports(isa)) continue;
      KernelSet kernels = kernel_set(isa);
      if (kernels.xnor_chain.isa == kernels.xnor_gemm.isa) {
        bench_xnor_layer(kernels, shape);
        kernels.xnor_chain.isa = isa == Isa::scalar ? Isa::avx2 : Isa::scalar;  // without it
      }
      bench_xnor_layer(kernels, shape);
    }
  }
}

// Layers with 1-bit weights on images: bytes or floats in, sums thresholded to packed bits.
void bench_first_layers(std::string_view filter) {
  if (std::string_view("first_layer").find(filter) == std::string_view::npos) return;
  const LayerShape shapes[] = {
      dense_shape("first dense 1x784x128", 1, 784, 128),
      dense_shape("first dense 64x784x128", 64, 784, 128),
      image_shape("first conv 3x3 1->32, 28", 28, 1, 32, {3, 1, 1, 1, 1}),
      image_shape("first conv 3x3 3->64, 224", 224, 3, 64, {3, 1, 1, 1, 1}),
      image_shape("first conv 7x7/2 3->64, 224", 224, 3, 64, {7, 2, 3, 3, 1})};
  for (const LayerShape& shape : shapes) {
    if (!wanted(shape.name)) continue;
    const WindowAxis& axis = shape.spec.window.h;
    const std::int64_t row =
        shape.spec.features * (shape.spec.dense ? 1 : axis.kernel * axis.kernel);
    const std::size_t outputs = static_cast<std::size_t>(shape.spec.outputs);
    const std::vector<std::uint8_t> weights(outputs * static_cast<std::size_t>((row + 7) / 8),
                                            0x35);
    const Thresholds thresholds{std::vector<float>(outputs, 1.0f),
                                std::vector<float>(outputs, 1e9f), false};
    for (Isa isa : compiled_isas()) {
      if (!cpu_supports(isa)) continue;
      const KernelSet kernels = kernel_set(isa);
      const std::unique_ptr<Op> layers[] = {
          make_byte_layer(shape.spec, ElementType::u8, weights, thresholds, kernels),
          make_byte_layer(shape.spec, ElementType::i8, weights, thresholds, kernels),
          make_binary_weight_layer(shape.spec, weights, thresholds, kernels)};
      for (const std::unique_ptr<Op>& op : layers) {
        print_macs(op->kernel(), shape.name, op_seconds(*op, shape.input), shape.macs);
      }
    }
  }
}

const GemmShape kGemmShapes[] = {
    {"64x256x64", 64, 64, window(1, 256, 0), 256},
    {"6x256x64", 6, 64, window(1, 256, 0), 256},
    {"1x784x128", 1, 128, window(1, 784, 0), 784},
    {"1x256x10", 1, 10, window(1, 256, 0), 256},
    {"1x784x128, 80 % zeros", 1, 128, window(1, 784, 0), 784, 80},
    {"8x784x128", 8, 128, window(1, 784, 0), 784},
    {"64x784x128", 64, 128, window(1, 784, 0), 784},
    {"conv 3x3 1->32, 26 pixels", 26, 32, window(3, 3, 28), 1},
    {"conv 3x3 32->32, 11 pixels", 11, 32, window(3, 96, 416), 32},
    {"conv 7x7/2 3->64, 112 pixels", 112, 64, window(7, 21, 672), 6},
};

void bench_f32_gemm(const Variant<F32GemmFn>& row) {
  for (const GemmShape& shape : kGemmShapes) {
    gemm<F32GemmFn, float, float, float>(row, shape, row.lanes, 1, 1.0f, 0.5f,
                                         [](F32GemmFn run, auto... operands) { run(operands...); });
  }
}

void bench_binary_weight_gemm(const Variant<BinaryWeightGemmFn>& row) {
  for (const GemmShape& shape : kGemmShapes) {
    gemm<BinaryWeightGemmFn, float, std::uint16_t, float>(
        row, shape, 1, 1, 1.0f, std::uint16_t{0x1234},
        [](BinaryWeightGemmFn run, auto... operands) { run(operands...); });
  }
}

template <class Input, class Fn>
void bench_byte_gemm(const Variant<Fn>& row) {
  for (const GemmShape& shape : kGemmShapes) {
    gemm<Fn, Input, std::uint64_t, std::int32_t>(
        row, shape, 1, 1, Input{1}, std::uint64_t{0x0123456789ABCDEF},
        [](Fn run, auto... operands) { run(operands...); });
  }
}

struct PlaneShape {
  std::string_view name;
  std::ptrdiff_t rows;
  std::ptrdiff_t channels;
};
constexpr PlaneShape kPlaneShapes[] = {
    {"1x256", 1, 256}, {"26x32", 26, 32}, {"32x64", 32, 64}, {"8x10", 8, 10}};

void bench_plane_sum(const Variant<PlaneSumFn>& row) {
  for (const PlaneShape& shape : kPlaneShapes) {
    if (!wanted(shape.name)) continue;
    Aligned<std::int32_t> acc(shape.rows * shape.channels), offset(512), rows(shape.rows);
    const double time = seconds([&] {
      row.run(acc.data(), shape.channels, shape.rows, shape.channels, offset.data(), rows.data(),
              -1, 2);
    });
    print(row.name(), shape.name, time, static_cast<double>(shape.rows * shape.channels));
  }
}

// What a float tensor of an image takes, and its rate in bytes read: the figure to hold against the
// bandwidth that benchmarks/roofline.py measures for a buffer of that size.
struct ImageShape {
  std::string_view name;
  std::ptrdiff_t pixels;
  std::ptrdiff_t channels;

  double bytes() const { return static_cast<double>(pixels * channels) * 4; }
};
constexpr ImageShape kImageShapes[] = {{"56x56x64", 3136, 64},
                                       {"28x28x128", 784, 128},
                                       {"14x14x256", 196, 256},
                                       {"7x7x512", 49, 512},
                                       {"32x32x64", 1024, 64}};

template <class T, class Fn>
void bench_binarize(const Variant<Fn>& row) {
  for (const PlaneShape& shape : kPlaneShapes) {
    if (!wanted(shape.name)) continue;
    Aligned<T> x(shape.rows * shape.channels), lower(512), upper(512);
    Aligned<std::uint8_t> out(shape.rows * 64);
    const double time = seconds([&] {
      row.run(x.data(), shape.channels, shape.rows, shape.channels, lower.data(), upper.data(),
              false, out.data(), 64);
    });
    print(row.name(), shape.name, time, static_cast<double>(shape.rows * shape.channels));
  }
  for (const ImageShape& shape : kImageShapes) {
    if (!wanted(shape.name)) continue;
    const std::ptrdiff_t stride = words_for(shape.channels) * kWordBytes;
    Aligned<T> x(shape.pixels * shape.channels), lower(512), upper(512);
    Aligned<std::uint8_t> out(shape.pixels * stride);
    std::fill_n(upper.data(), 512, std::numeric_limits<T>::max());
    const double time = seconds([&] {
      row.run(x.data(), shape.channels, shape.pixels, shape.channels, lower.data(), upper.data(),
              false, out.data(), stride);
    });
    print_bytes(row.name(), shape.name, time, shape.bytes() / sizeof(float) * sizeof(T));
  }
}

void bench_binarize_planar(const Variant<BinarizePlanarF32Fn>& row) {
  for (const ImageShape& shape : kImageShapes) {
    if (!wanted(shape.name)) continue;
    Aligned<float> x(shape.pixels * shape.channels);
    Aligned<std::uint64_t> out(shape.pixels * words_for(shape.channels));
    constexpr float inf = std::numeric_limits<float>::infinity();
    for (const float upper : {inf, 1.0f}) {
      const float lower = 0;
      const double time = seconds([&] {
        row.run(x.data(), shape.pixels, shape.pixels, shape.channels, &lower, &upper, 0, false,
                out.data());
      });
      print_bytes(row.name(), std::string(shape.name) + (upper == inf ? ", half-line" : ""), time,
                  shape.bytes());
    }
  }
}

template <class T, class Fn>
void bench_epilogue(const Variant<Fn>& row) {
  for (const PlaneShape& shape : kPlaneShapes) {
    if (!wanted(shape.name)) continue;
    Aligned<T> acc(shape.rows * shape.channels);
    Aligned<float> operand(512), out(shape.rows * shape.channels);
    Aligned<float> shortcut(shape.rows * shape.channels);
    const EpilogueStep batch_norm_relu[] = {{EpilogueKind::mul, operand.data()},
                                            {EpilogueKind::add, operand.data()},
                                            {EpilogueKind::max, operand.data()}};
    const EpilogueStep residual[] = {{EpilogueKind::mul, operand.data()},
                                     {EpilogueKind::add, operand.data()},
                                     {EpilogueKind::add_rows, shortcut.data(), shape.channels},
                                     {EpilogueKind::add, operand.data()},
                                     {EpilogueKind::prelu, operand.data()},
                                     {EpilogueKind::add, operand.data()}};
    const auto bench = [&](const std::string& name, std::span<const EpilogueStep> steps) {
      const double time = seconds([&] {
        row.run(acc.data(), shape.channels, shape.rows, shape.channels, steps.data(),
                static_cast<int>(steps.size()), out.data(), shape.channels);
      });
      print(row.name(), name, time, static_cast<double>(shape.rows * shape.channels));
    };
    bench(std::string(shape.name), batch_norm_relu);
    bench(std::string(shape.name) + ", residual, RPReLU", residual);
  }
}

// Rows of output pixels under 2 × 2 windows with stride 2.
template <class T, class Fn>
void bench_pool(const Variant<Fn>& row) {
  for (const auto& [pixels, elements] : {std::pair<std::ptrdiff_t, std::ptrdiff_t>{13, 1},
                                         {28, 1},
                                         {14, 2},
                                         {7, 8},
                                         {1, 10},
                                         {13, 32},
                                         {28, 64},
                                         {7, 256}}) {
    const std::string name = std::to_string(pixels) + " x 2x2 of " + std::to_string(elements);
    if (!wanted(name)) continue;
    const std::ptrdiff_t line = 2 * pixels * elements;
    Aligned<T> input(2 * line), out(pixels * elements);
    const T* inputs[] = {input.data(), input.data() + elements, input.data() + line,
                         input.data() + line + elements};
    const double time =
        seconds([&] { row.run(inputs, 4, 2 * elements, pixels, elements, out.data()); });
    print(row.name(), name, time, static_cast<double>(4 * pixels * elements));
  }
}

void bench_pack_signs(const Variant<PackSignsF32Fn>& row) {
  const bool planar = row.name().starts_with("pack_signs_planar");
  for (const ImageShape& shape : kImageShapes) {
    if (!wanted(shape.name)) continue;
    Aligned<float> x(shape.pixels * shape.channels);
    const std::ptrdiff_t words = shape.pixels * words_for(shape.channels);
    Aligned<std::uint64_t> signs(words), masks(words);
    for (const float value : {1.0f, 0.0f}) {
      std::fill_n(x.data(), shape.pixels * shape.channels, value);
      const double time = seconds([&] {
        row.run(x.data(), planar ? shape.pixels : shape.channels, shape.pixels, shape.channels,
                signs.data(), masks.data());
      });
      print_bytes(row.name(), std::string(shape.name) + (value == 0 ? ", zeros" : ""), time,
                  shape.bytes());
    }
  }
}

// Bytes written.
void bench_unpack(const Variant<UnpackF32Fn>& row) {
  const bool planar = row.name().starts_with("unpack_planar");
  for (const ImageShape& shape : kImageShapes) {
    if (!wanted(shape.name)) continue;
    Aligned<std::uint64_t> in(shape.pixels * words_for(shape.channels));
    Aligned<float> out(shape.pixels * shape.channels);
    const double time = seconds([&] {
      row.run(in.data(), shape.pixels, shape.channels, out.data(),
              planar ? shape.pixels : shape.channels);
    });
    print_bytes(row.name(), shape.name, time, shape.bytes());
  }
}

// Bytes read and as many written.
void bench_exponential(const Variant<ExponentialF32Fn>& row) {
  for (const ImageShape& shape : kImageShapes) {
    if (!wanted(shape.name)) continue;
    const std::ptrdiff_t count = shape.pixels * shape.channels;
    Aligned<float> x(count), out(count);
    const double time = seconds([&] { row.run(x.data(), count, out.data()); });
    print_bytes(row.name(), shape.name, time, 2 * shape.bytes());
  }
}

// Both directions, bytes read and as many written.
void bench_transpose(const Variant<TransposeF32Fn>& row) {
  for (const ImageShape& shape : kImageShapes) {
    if (!wanted(shape.name)) continue;
    Aligned<float> in(shape.pixels * shape.channels), out(shape.pixels * shape.channels);
    for (const bool last : {true, false}) {
      const std::ptrdiff_t rows = last ? shape.channels : shape.pixels;
      const std::ptrdiff_t columns = last ? shape.pixels : shape.channels;
      const double time =
          seconds([&] { row.run(in.data(), columns, rows, columns, out.data(), rows); });
      print_bytes(row.name(), std::string(shape.name) + (last ? " to NHWC" : " to NCHW"), time,
                  2 * shape.bytes());
    }
  }
}

template <class Fn>
void family(std::span<const Variant<Fn>> rows, std::string_view filter,
            void (*bench)(const Variant<Fn>&)) {
  for (const Variant<Fn>& row : rows) {
    if (cpu_supports(row.isa) && row.name().find(filter) != std::string::npos) bench(row);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> texts(argv + 1, argv + argc);
  options.tsv = std::erase(texts, "--tsv") > 0;
  texts.resize(2);
  const std::string_view filter = texts[0];
  options.shape = texts[1];
  family(xnor_gemm_variants(), filter, bench_xnor_gemm);
  family(xnor_chain_variants(), filter, bench_xnor_chain);
  family(xnor_masked_variants(), filter, bench_xnor_masked);
  bench_xnor_layers(filter);
  bench_pool_layers(filter);
  bench_first_layers(filter);
  family(f32_gemm_variants(), filter, bench_f32_gemm);
  family(binary_weight_gemm_variants(), filter, bench_binary_weight_gemm);
  family(byte_gemm_u8_variants(), filter, bench_byte_gemm<std::uint8_t>);
  family(byte_gemm_i8_variants(), filter, bench_byte_gemm<std::int8_t>);
  family(plane_sum_variants(), filter, bench_plane_sum);
  family(binarize_f32_variants(), filter, bench_binarize<float>);
  family(binarize_i32_variants(), filter, bench_binarize<std::int32_t>);
  family(binarize_u8_variants(), filter, bench_binarize<std::uint8_t>);
  family(binarize_i8_variants(), filter, bench_binarize<std::int8_t>);
  family(binarize_planar_f32_variants(), filter, bench_binarize_planar);
  family(epilogue_f32_variants(), filter, bench_epilogue<float>);
  family(epilogue_i32_variants(), filter, bench_epilogue<std::int32_t>);
  family(pool_max_f32_variants(), filter, bench_pool<float>);
  family(pool_sum_f32_variants(), filter, bench_pool<float>);
  family(pool_and_bits_variants(), filter, bench_pool<std::uint64_t>);
  family(pool_or_bits_variants(), filter, bench_pool<std::uint64_t>);
  family(pack_signs_f32_variants(), filter, bench_pack_signs);
  family(pack_signs_planar_f32_variants(), filter, bench_pack_signs);
  family(unpack_f32_variants(), filter, bench_unpack);
  family(unpack_planar_f32_variants(), filter, bench_unpack);
  family(transpose_f32_variants(), filter, bench_transpose);
  family(exp_f32_variants(), filter, bench_exponential);
  family(sigmoid_f32_variants(), filter, bench_exponential);
  family(tanh_f32_variants(), filter, bench_exponential);
  family(erf_f32_variants(), filter, bench_exponential);
  family(normal_f32_variants(), filter, bench_exponential);
}
