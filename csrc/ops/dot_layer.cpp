#include "ops/dot_layer.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/aligned.h"
#include "base/bits.h"
#include "ops/layer_shape.h"
#include "ops/tile_epilogue.h"
#include "ops/xnor_chain_layer.h"

namespace bnn {
namespace {

// Accumulators are int32: K must stay below 2^31 for every format (weights of that size exist
// nowhere).
constexpr std::int64_t kMaxDotLength = std::int64_t{1} << 30;
constexpr std::int64_t kMaxByteDotLength = (std::int64_t{1} << 23) - 1;
constexpr std::int64_t kMaxExtent = std::int64_t{1} << 24;

constexpr std::size_t kTileElements = std::size_t{kMaxRows} * kMaxVectors * 16;

// --- number formats
// --------------------------------------------------------------------------------

struct XnorFormat {
  using Input = std::uint64_t;
  using Weight = std::uint64_t;
  using Acc = std::int32_t;
  static constexpr ElementType kInputType = ElementType::bits;
  static constexpr double kMacsPerCycle = 256.0;

  static const Variant<XnorGemmFn>& kernel(const KernelSet& set) { return set.xnor_gemm; }
  static const Variant<BinarizeI32Fn>& binarize(const KernelSet& set) { return set.binarize_i32; }
  static const Variant<EpilogueI32Fn>& epilogue(const KernelSet& set) { return set.epilogue_i32; }

  // Elements of Input that hold one pixel of `channels` channels.
  static std::int64_t unit(std::int64_t channels) { return words_for(channels); }

  static void run(XnorGemmFn kernel, const Input* input, std::ptrdiff_t row_stride, int rows,
                  const Segment* segments, int segment_count, const Weight* weights,
                  std::ptrdiff_t vector_stride, int vectors, std::int64_t valid, Acc* acc,
                  std::ptrdiff_t acc_stride) {
    kernel(input, row_stride, rows, segments, segment_count, weights, vector_stride, vectors,
           static_cast<std::int32_t>(valid), acc, acc_stride);
  }
};

template <class KernelFn>
struct FloatInputFormat {
  using Input = float;
  using Acc = float;
  static constexpr ElementType kInputType = ElementType::f32;

  static const Variant<BinarizeF32Fn>& binarize(const KernelSet& set) { return set.binarize_f32; }
  static const Variant<EpilogueF32Fn>& epilogue(const KernelSet& set) { return set.epilogue_f32; }
  static std::int64_t unit(std::int64_t channels) { return channels; }

  template <class Weight>
  static void run(KernelFn kernel, const float* input, std::ptrdiff_t row_stride, int rows,
                  const Segment* segments, int segment_count, const Weight* weights,
                  std::ptrdiff_t vector_stride, int vectors, std::int64_t /*valid*/, float* acc,
                  std::ptrdiff_t acc_stride) {
    kernel(input, row_stride, rows, segments, segment_count, weights, vector_stride, vectors, acc,
           acc_stride);
  }
};

struct BinaryWeightFormat : FloatInputFormat<BinaryWeightGemmFn> {
  using Weight = std::uint16_t;
  static constexpr double kMacsPerCycle = 12.0;
  static const Variant<BinaryWeightGemmFn>& kernel(const KernelSet& set) {
    return set.binary_weight_gemm;
  }
};

struct F32Format : FloatInputFormat<F32GemmFn> {
  using Weight = float;
  static constexpr double kMacsPerCycle = 12.0;
  static const Variant<F32GemmFn>& kernel(const KernelSet& set) { return set.f32_gemm; }
};

// 8-bit integers × bits. T = std::uint8_t or std::int8_t.
template <class T>
struct ByteFormat {
  static constexpr bool kUnsigned = std::is_same_v<T, std::uint8_t>;
  using Input = T;
  using Weight = std::uint64_t;
  using Acc = std::int32_t;
  static constexpr ElementType kInputType = kUnsigned ? ElementType::u8 : ElementType::i8;
  static constexpr double kMacsPerCycle = 48.0;

  static const auto& kernel(const KernelSet& set) {
    if constexpr (kUnsigned) {
      return set.byte_gemm_u8;
    } else {
      return set.byte_gemm_i8;
    }
  }
  static const Variant<BinarizeI32Fn>& binarize(const KernelSet& set) { return set.binarize_i32; }
  static const Variant<EpilogueI32Fn>& epilogue(const KernelSet& set) { return set.epilogue_i32; }
  static std::int64_t unit(std::int64_t channels) { return channels; }

  template <class KernelFn>
  static void run(KernelFn kernel, const Input* input, std::ptrdiff_t row_stride, int rows,
                  const Segment* segments, int segment_count, const Weight* weights,
                  std::ptrdiff_t vector_stride, int vectors, std::int64_t /*valid*/, Acc* acc,
                  std::ptrdiff_t acc_stride) {
    kernel(input, row_stride, rows, segments, segment_count, weights, vector_stride, vectors, acc,
           acc_stride);
  }

  // Words of one lane vector: the last one is only there to be read (byte_gemm.h).
  static std::int64_t vector_words(std::int64_t length) {
    return (length + kByteGemmGroup - 1) / kByteGemmGroup + 1;
  }
};

// --- the layer
// -------------------------------------------------------------------------------------

// Output channels [channel, channel + channels) computed by one kernel call per tile.
struct Block {
  std::int64_t channel;       // first output channel
  std::int64_t channels;      // real ones
  std::int64_t operand;       // index of the first channel in blocked operands
  std::int64_t input_offset;  // elements to the group's first input channel
  std::ptrdiff_t weights;     // index of the first weight
  int vectors;
};

template <class Format>
class DotLayer final : public Op {
  using Input = typename Format::Input;
  using Weight = typename Format::Weight;
  using Acc = typename Format::Acc;
  using KernelVariant = std::remove_cvref_t<decltype(Format::kernel(std::declval<KernelSet>()))>;

 public:
  // `length` is K in units of Format::Input; `put(weights, k, lane_block, lane, row)` stores one
  // weight.
  DotLayer(const DotLayerSpec& spec, std::int64_t length, const Epilogue& epilogue,
           const KernelSet& kernels)
      : Op(spec.name),
        spec_(spec),
        length_(length),
        kernel_(Format::kernel(kernels)),
        epilogue_(spec, epilogue, Format::binarize(kernels).run, Format::epilogue(kernels).run) {
    flat_ = spec.dense || (spec.window.pointwise() && spec.groups == 1);
    unit_ = Format::unit(spec.features);
    slice_ = Format::unit(spec.features / spec.groups);
    make_blocks();
  }

  TensorType input_type(std::size_t) const override { return Format::kInputType; }
  TensorType output_type(std::size_t) const override {
    return epilogue_.to_bits() ? ElementType::bits : ElementType::f32;
  }
  std::string kernel() const override { return kernel_.name(); }
  std::size_t constant_bytes() const override { return weights_.bytes() + epilogue_.bytes(); }

  Shape infer(std::span<const Shape> inputs) const override {
    return dot_layer_shape(spec_, Format::kInputType, length_, inputs[0]);
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    const Shape out = infer(inputs);
    const std::int64_t runs = flat_ ? 0 : out[2];
    const std::int64_t segments = flat_ ? 1 : max_window_segments(spec_.window);
    return kTileElements * sizeof(Acc) +
           round_up(static_cast<std::size_t>(runs) * sizeof(PixelRun), kAlignment) +
           static_cast<std::size_t>(segments) * sizeof(Segment);
  }

  double cycles(std::span<const Shape> /*inputs*/, const Shape& output) const override {
    const double per_output =
        static_cast<double>(length_) * (Format::kInputType == ElementType::bits ? kWordBits : 1);
    return static_cast<double>(output.elements()) * per_output / Format::kMacsPerCycle;
  }

  void run(const OpContext& context) const override {
    epilogue_.clear_tail_bits(context.output());
    for (const Block& block : blocks_) {
      if (flat_) {
        run_flat(context, block);
      } else {
        run_windows(context, block);
      }
    }
  }

  // [blocks of lane vectors][K][lanes]; filled by the maker, which knows the source format.
  AlignedArray<Weight>& weights() { return weights_; }

  // Index into weights() of K = 0 of an output channel; the next k lies lanes() further.
  std::ptrdiff_t weight_index(std::int64_t channel) const {
    const std::int64_t per_group = spec_.outputs / spec_.groups;
    const std::int64_t in_group = channel % per_group;
    const std::int64_t vector =
        channel / per_group * vectors_per_group() + in_group / kernel_.lanes;
    return vector * vector_stride() + in_group % kernel_.lanes;
  }
  int lanes() const { return kernel_.lanes; }

  // Elements from one lane vector's weights to the next; lane masks hold a whole vector in one
  // element.
  std::ptrdiff_t vector_stride() const {
    const std::int64_t line = static_cast<std::int64_t>(kAlignment / sizeof(Weight));
    if constexpr (requires { Format::vector_words(length_); }) {
      return round_up(Format::vector_words(length_), line);
    }
    const std::int64_t per_k = std::is_same_v<Format, BinaryWeightFormat> ? 1 : kernel_.lanes;
    return round_up(length_ * per_k, line);
  }

 private:
  std::int64_t vectors_per_group() const {
    const std::int64_t channels = spec_.outputs / spec_.groups;
    return (channels + kernel_.lanes - 1) / kernel_.lanes;
  }

  void make_blocks() {
    const std::int64_t per_group = spec_.outputs / spec_.groups;
    const std::int64_t block_channels = std::int64_t{kMaxVectors} * kernel_.lanes;
    const std::int64_t vectors = vectors_per_group();
    weights_ =
        AlignedArray<Weight>(static_cast<std::size_t>(spec_.groups * vectors * vector_stride()));
    for (std::int64_t group = 0; group < spec_.groups; ++group) {
      for (std::int64_t c = 0; c < per_group; c += block_channels) {
        const std::int64_t channels = std::min(block_channels, per_group - c);
        const std::int64_t channel = group * per_group + c;
        blocks_.push_back({channel, channels, group * round_up(per_group, kOperandBlock) + c,
                           group * slice_, weight_index(channel),
                           static_cast<int>((channels + kernel_.lanes - 1) / kernel_.lanes)});
      }
    }
  }

  void run_flat(const OpContext& context, const Block& block) const {
    const TensorView& in = context.input(0);
    const bool whole_rows = Format::kInputType == ElementType::bits && spec_.dense;
    const std::int64_t rows = whole_rows ? in.shape[0] : in.shape.product(0, in.shape.rank() - 1);
    const Segment segment{0, 0, length_};
    run_rows(context, block, in.as<Input>(), length_, rows, &segment, 1, spec_.features, 0);
  }

  void run_windows(const OpContext& context, const Block& block) const {
    const TensorView& in = context.input(0);
    const Shape& out = context.output().shape;
    std::byte* scratch = context.scratch + kTileElements * sizeof(Acc);
    auto* runs = reinterpret_cast<PixelRun*>(scratch);
    auto* segments = reinterpret_cast<Segment*>(
        scratch + round_up(static_cast<std::size_t>(out[2]) * sizeof(PixelRun), kAlignment));
    const std::int64_t row_units = in.shape[2] * unit_;
    const int run_count = pixel_runs(spec_.window.w, in.shape[2], out[2], runs);
    for (std::int64_t n = 0; n < out[0]; ++n) {
      const Input* image = in.as<Input>() + n * in.shape[1] * row_units + block.input_offset;
      for (std::int64_t oy = 0; oy < out[1]; ++oy) {
        const WindowAxis::Taps vertical = spec_.window.h.real_taps(oy, in.shape[1]);
        for (int r = 0; r < run_count; ++r) {
          const PixelRun& run = runs[r];
          const int count =
              window_segments(spec_.window, vertical, run.taps, unit_, slice_, row_units, segments);
          const std::int64_t taps =
              (vertical.last - vertical.first) * (run.taps.last - run.taps.first);
          // The first real tap of the run's first pixel; any address does where there is none.
          const Input* origin =
              taps == 0 ? image
                        : image + spec_.window.h.position(oy, vertical.first) * row_units +
                              spec_.window.w.position(run.first, run.taps.first) * unit_;
          run_rows(context, block, origin, spec_.window.w.stride * unit_, run.last - run.first,
                   segments, count, taps * spec_.features, (n * out[1] + oy) * out[2] + run.first);
        }
      }
    }
  }

  // Output pixels [pixel, pixel + rows), whose inputs lie row_stride apart and share the segments.
  void run_rows(const OpContext& context, const Block& block, const Input* input,
                std::int64_t row_stride, std::int64_t rows, const Segment* segments,
                int segment_count, std::int64_t valid, std::int64_t pixel) const {
    auto* acc = reinterpret_cast<Acc*>(context.scratch);
    const std::ptrdiff_t acc_stride =
        round_up<std::ptrdiff_t>(block.vectors * kernel_.lanes, kOperandBlock);
    for (std::int64_t first = 0; first < rows; first += kMaxRows) {
      const int count = static_cast<int>(std::min<std::int64_t>(kMaxRows, rows - first));
      Format::run(kernel_.run, input + first * row_stride, row_stride, count, segments,
                  segment_count, weights_.data() + block.weights, vector_stride(), block.vectors,
                  valid, acc, acc_stride);
      epilogue_.store(context.output(), acc, acc_stride, count, {block.channel, block.channels},
                      block.operand, pixel + first, 1);
    }
  }

  DotLayerSpec spec_;
  std::int64_t length_;     // K in elements of Input
  std::int64_t unit_ = 0;   // elements per input pixel
  std::int64_t slice_ = 0;  // elements per input pixel and group
  bool flat_ = true;        // rows follow each other in memory, one segment each
  KernelVariant kernel_;
  TileEpilogue<Acc> epilogue_;
  AlignedArray<Weight> weights_;
  std::vector<Block> blocks_;
};

std::int64_t taps_of(const DotLayerSpec& spec) {
  return spec.dense ? 1 : spec.window.h.kernel * spec.window.w.kernel;
}

[[noreturn]] void bad_spec(const DotLayerSpec& spec, const std::string& what) {
  throw ModelFormatError("node '" + spec.name + "': " + what);
}

// Bounds every number of a description, so that no later product overflows.
void check_spec(const DotLayerSpec& spec) {
  const std::string problem = spec.window.problem();
  if (!problem.empty()) bad_spec(spec, "the window has " + problem);
  if (spec.outputs < 1 || spec.outputs > kMaxExtent || spec.features < 1 ||
      spec.features > kMaxDotLength / taps_of(spec)) {
    bad_spec(spec, "extents out of range (outputs " + std::to_string(spec.outputs) + ", features " +
                       std::to_string(spec.features) + ")");
  }
  if (spec.groups < 1 || spec.outputs % spec.groups != 0 || spec.features % spec.groups != 0) {
    bad_spec(spec, std::to_string(spec.groups) + " groups do not divide " +
                       std::to_string(spec.features) + " input and " +
                       std::to_string(spec.outputs) + " output channels");
  }
}

// Throws unless the caller's weights have `row` elements for each output.
void check_weight_count(const DotLayerSpec& spec, std::size_t got, std::int64_t row) {
  if (got != static_cast<std::size_t>(spec.outputs * row)) {
    bad_spec(spec, "weights have " + std::to_string(got) + " elements, expected " +
                       std::to_string(spec.outputs) + " x " + std::to_string(row));
  }
}

// Spreads rows of `length` weights over the lanes of the layer's blocks.
template <class Format>
void fill_lanes(DotLayer<Format>& layer, std::span<const typename Format::Weight> rows,
                std::int64_t length) {
  const std::int64_t outputs = static_cast<std::int64_t>(rows.size()) / length;
  for (std::int64_t o = 0; o < outputs; ++o) {
    const auto* source = rows.data() + o * length;
    auto* target = layer.weights().data() + layer.weight_index(o);
    for (std::int64_t k = 0; k < length; ++k) target[k * layer.lanes()] = source[k];
  }
}

template <class T>
std::unique_ptr<Op> byte_layer(const DotLayerSpec& spec, std::int64_t length,
                               std::span<const std::uint8_t> weights, const Epilogue& epilogue,
                               const KernelSet& kernels) {
  auto layer = std::make_unique<DotLayer<ByteFormat<T>>>(spec, length, epilogue, kernels);
  const std::int64_t row_bytes = (length + 7) / 8;
  const std::int64_t lanes = layer->lanes();
  for (std::int64_t o = 0; o < spec.outputs; ++o) {
    const std::uint8_t* source = weights.data() + o * row_bytes;
    std::uint64_t* target = layer->weights().data() + o / lanes * layer->vector_stride();
    for (std::int64_t k = 0; k < length; ++k) {
      const std::uint64_t bit = (source[k / 8] >> (k % 8)) & 1u;
      target[k / kByteGemmGroup] |= bit << (o % lanes * kByteGemmGroup + k % kByteGemmGroup);
    }
  }
  return layer;
}

}  // namespace

std::unique_ptr<Op> make_xnor_layer(const DotLayerSpec& spec,
                                    std::span<const std::uint64_t> weights,
                                    const Epilogue& epilogue, const KernelSet& kernels) {
  check_spec(spec);
  std::int64_t length = taps_of(spec) * words_for(spec.features);
  if (spec.dense) {
    // A flattened image has tail bits inside its rows: the weights say how many words a row has.
    length = std::max(length, static_cast<std::int64_t>(weights.size()) / spec.outputs);
  }
  check_weight_count(spec, weights.size(), length);
  if (chain_pays(spec, kernels)) {
    return make_xnor_chain_layer(spec, length, weights, epilogue, kernels);
  }
  auto layer = std::make_unique<DotLayer<XnorFormat>>(spec, length, epilogue, kernels);
  fill_lanes(*layer, weights, length);
  return layer;
}

std::unique_ptr<Op> make_binary_weight_layer(const DotLayerSpec& spec,
                                             std::span<const std::uint8_t> weights,
                                             const Epilogue& epilogue, const KernelSet& kernels) {
  check_spec(spec);
  if (spec.groups != 1) bad_spec(spec, "1-bit weights in groups");
  const std::int64_t length = taps_of(spec) * spec.features;
  const std::int64_t row_bytes = (length + 7) / 8;
  check_weight_count(spec, weights.size(), row_bytes);
  auto layer = std::make_unique<DotLayer<BinaryWeightFormat>>(spec, length, epilogue, kernels);
  const std::int64_t lanes = layer->lanes();
  for (std::int64_t o = 0; o < spec.outputs; ++o) {
    const std::uint8_t* source = weights.data() + o * row_bytes;
    std::uint16_t* target = layer->weights().data() + o / lanes * layer->vector_stride();
    for (std::int64_t k = 0; k < length; ++k) {
      const unsigned bit = (source[k / 8] >> (k % 8)) & 1u;
      target[k] = static_cast<std::uint16_t>(target[k] | (bit << (o % lanes)));
    }
  }
  return layer;
}

std::unique_ptr<Op> make_byte_layer(const DotLayerSpec& spec, ElementType input,
                                    std::span<const std::uint8_t> weights, const Epilogue& epilogue,
                                    const KernelSet& kernels) {
  check_spec(spec);
  if (spec.groups != 1) bad_spec(spec, "1-bit weights in groups");
  const std::int64_t length = taps_of(spec) * spec.features;
  if (length > kMaxByteDotLength) bad_spec(spec, "sums of bytes that may leave 32 bits");
  check_weight_count(spec, weights.size(), (length + 7) / 8);
  switch (input) {
    case ElementType::u8:
      return byte_layer<std::uint8_t>(spec, length, weights, epilogue, kernels);
    case ElementType::i8:
      return byte_layer<std::int8_t>(spec, length, weights, epilogue, kernels);
    default:
      bad_spec(spec, "8-bit integers are due instead of " + TensorType(input).text());
  }
}

std::unique_ptr<Op> make_f32_layer(const DotLayerSpec& spec, std::span<const float> weights,
                                   const Epilogue& epilogue, const KernelSet& kernels) {
  check_spec(spec);
  const std::int64_t length = taps_of(spec) * (spec.features / spec.groups);
  check_weight_count(spec, weights.size(), length);
  auto layer = std::make_unique<DotLayer<F32Format>>(spec, length, epilogue, kernels);
  fill_lanes(*layer, weights, length);
  return layer;
}

}  // namespace bnn
