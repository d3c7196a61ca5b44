#include "ops/dot_layer.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/aligned.h"
#include "base/bits.h"
#include "ops/layer_shape.h"
#include "ops/layout.h"
#include "ops/masked_layer.h"
#include "ops/scratch.h"
#include "ops/ternary_layer.h"
#include "ops/tile_epilogue.h"
#include "ops/xnor_chain_layer.h"

namespace bnn {
namespace {

// Accumulators are int32: K must stay below 2^31 for every format (weights of that size exist
// nowhere).
constexpr std::int64_t kMaxDotLength = std::int64_t{1} << 30;
constexpr std::int64_t kMaxByteDotLength = (std::int64_t{1} << 23) - 1;  // byte_gemm.h
constexpr std::int64_t kMaxExtent = std::int64_t{1} << 24;

constexpr std::size_t kTileElements = std::size_t{kMaxRows} * kMaxVectors * 16;

// --- number formats
// --------------------------------------------------------------------------------

struct XnorFormat {
  static constexpr bool kPlanes = true;
  using Input = std::uint64_t;
  using Weight = std::uint64_t;
  using Acc = std::int32_t;
  static constexpr ElementType kInputType = ElementType::bits;
  static constexpr double kMacsPerCycle = 256.0;

  static const Variant<XnorGemmFn>& kernel(const KernelSet& set) { return set.xnor_gemm; }

  // Elements of Input that hold one pixel of `channels` channels.
  static std::int64_t unit(std::int64_t channels) { return words_for(channels); }

  // Elements of Weight that hold `length` weights along K, in elements of Input, of all lanes.
  static std::int64_t vector_elements(std::int64_t length, int lanes) { return length * lanes; }

  static void run(XnorGemmFn kernel, const Input* input, std::ptrdiff_t row_stride, int rows,
                  const Segment* segments, int segment_count, const Weight* weights,
                  std::ptrdiff_t vector_stride, int vectors, std::int64_t valid, Acc* acc,
                  std::ptrdiff_t acc_stride) {
    kernel(input, row_stride, rows, segments, segment_count, weights, vector_stride, vectors,
           static_cast<std::int32_t>(valid), acc, acc_stride);
  }
};

// One number an element; the kernel need not know how many of them are real.
template <class Number, ElementType kElement, class Sum, class KernelFn>
struct NumberFormat {
  static constexpr bool kPlanes = false;
  using Input = Number;
  using Acc = Sum;
  static constexpr ElementType kInputType = kElement;

  static std::int64_t unit(std::int64_t channels) { return channels; }

  template <class Weight>
  static void run(KernelFn kernel, const Input* input, std::ptrdiff_t row_stride, int rows,
                  const Segment* segments, int segment_count, const Weight* weights,
                  std::ptrdiff_t vector_stride, int vectors, std::int64_t /*valid*/, Acc* acc,
                  std::ptrdiff_t acc_stride) {
    kernel(input, row_stride, rows, segments, segment_count, weights, vector_stride, vectors, acc,
           acc_stride);
  }
};

struct BinaryWeightFormat : NumberFormat<float, ElementType::f32, float, BinaryWeightGemmFn> {
  using Weight = std::uint16_t;
  static constexpr double kMacsPerCycle = 12.0;
  static const Variant<BinaryWeightGemmFn>& kernel(const KernelSet& set) {
    return set.binary_weight_gemm;
  }
  // Masks hold a whole vector in one element.
  static std::int64_t vector_elements(std::int64_t length, int /*lanes*/) { return length; }
};

struct F32Format : NumberFormat<float, ElementType::f32, float, F32GemmFn> {
  using Weight = float;
  static constexpr double kMacsPerCycle = 12.0;
  static const Variant<F32GemmFn>& kernel(const KernelSet& set) { return set.f32_gemm; }
  static std::int64_t vector_elements(std::int64_t length, int lanes) { return length * lanes; }
};

// 8-bit integers × bits.
template <class Byte, ElementType kElement, class KernelFn>
struct ByteFormat : NumberFormat<Byte, kElement, std::int32_t, KernelFn> {
  using Weight = std::uint64_t;
  static constexpr double kMacsPerCycle = 48.0;
  // A word holds a vector of a group; the last one is only there to be read (byte_gemm.h).
  static std::int64_t vector_elements(std::int64_t length, int /*lanes*/) {
    return (length + kByteGemmGroup - 1) / kByteGemmGroup + 1;
  }
};

struct U8Format : ByteFormat<std::uint8_t, ElementType::u8, ByteGemmU8Fn> {
  static const Variant<ByteGemmU8Fn>& kernel(const KernelSet& set) { return set.byte_gemm_u8; }
};

struct I8Format : ByteFormat<std::int8_t, ElementType::i8, ByteGemmI8Fn> {
  static const Variant<ByteGemmI8Fn>& kernel(const KernelSet& set) { return set.byte_gemm_i8; }
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
           const KernelSet& kernels, PlaneSums planes = {})
      : Op(spec.name),
        spec_(spec),
        length_(length),
        kernel_(Format::kernel(kernels)),
        planes_(std::move(planes)),
        epilogue_(spec, epilogue, kernels) {
    flat_ = spec.dense || (spec.window.pointwise() && spec.groups == 1 && !spec.planar_input);
    unit_ = Format::unit(spec.planar_input ? 1 : spec.features);
    slice_ = Format::unit(spec.planar_input ? 1 : spec.features / spec.groups);
    make_blocks();
    if (planes_.has_rows()) {
      plus_one_ = AlignedArray<Weight>(static_cast<std::size_t>(length_ * kernel_.lanes));
    }
  }

  std::size_t input_count() const override { return 1 + epilogue_.residual_count(); }
  TensorType input_type(std::size_t index) const override {
    return index == 0 ? Format::kPlanes ? spec_.input_code.type() : TensorType(Format::kInputType)
                      : TensorType(ElementType::f32);
  }
  std::size_t output_count() const override { return epilogue_.output_count(); }
  TensorType output_type(std::size_t index) const override { return epilogue_.output_type(index); }
  std::string kernel() const override { return kernel_.name(); }
  std::size_t constant_bytes() const override {
    return weights_.bytes() + plus_one_.bytes() + planes_.bytes() + epilogue_.bytes();
  }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    const bool planar = spec_.planar_input && in.rank() > 2;
    const Shape out =
        dot_layer_shape(spec_, Format::kInputType, length_, planar ? channels_last(in) : in);
    epilogue_.check_residuals(inputs, out);
    return out;
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    const Shape out = infer(inputs);
    return (sums_blocks() ? 2 : 1) * Scratch::bytes<Acc>(kTileElements) +
           Scratch::bytes<Acc>(kRowElements) + Scratch::bytes<Acc>(kBlockChannels) +
           Scratch::bytes<PixelRun>(flat_ ? 0 : ImageExtents(out).width) +
           2 * Scratch::bytes<Segment>(max_segments());
  }

  double cycles(std::span<const Shape> /*inputs*/, const Shape& output) const override {
    const double per_output =
        static_cast<double>(length_) * (Format::kInputType == ElementType::bits ? kWordBits : 1);
    return static_cast<double>(output.elements() * planes_.pair_count()) * per_output /
           Format::kMacsPerCycle;
  }

  void run(const OpContext& context) const override {
    epilogue_.clear_tail_bits(context);
    Scratch scratch(context.scratch);
    Tile tile{};
    tile.acc = scratch.take<Acc>(kTileElements);
    if (sums_blocks()) tile.block = scratch.take<Acc>(kTileElements);
    tile.row_sums = scratch.take<Acc>(kRowElements);
    tile.offsets = scratch.take<Acc>(kBlockChannels);
    tile.segments = scratch.take<Segment>(max_segments());
    tile.row_segments = scratch.take<Segment>(max_segments());
    const Shape& in = context.input(0).shape;
    tile.input_plane = whole_rows() ? in[0] * length_ : in.product(0, in.rank() - 1) * unit_;
    for (const Block& block : blocks_) {
      if (flat_) {
        run_flat(context, block, tile);
      } else {
        run_windows(context, block, tile, scratch);
      }
    }
  }

  // [blocks of lane vectors][K of all planes][lanes]; filled by the maker, which knows the source
  // format.
  AlignedArray<Weight>& weights() { return weights_; }

  // Index into weights() of K = 0 of an output channel's first plane; the next k lies lanes()
  // further, the next plane behind all k.
  std::ptrdiff_t weight_index(std::int64_t channel) const {
    const std::int64_t per_group = spec_.outputs / spec_.groups;
    const std::int64_t in_group = channel % per_group;
    const std::int64_t vector =
        channel / per_group * vectors_per_group() + in_group / kernel_.lanes;
    return vector * vector_stride() + in_group % kernel_.lanes;
  }
  int lanes() const { return kernel_.lanes; }

  // Elements from one lane vector's weights to the next.
  std::ptrdiff_t vector_stride() const {
    const std::int64_t line = static_cast<std::int64_t>(kAlignment / sizeof(Weight));
    const std::int64_t planes = static_cast<std::int64_t>(spec_.weight_code.shifts.size());
    return round_up(Format::vector_elements(planes * length_, kernel_.lanes), line);
  }

 private:
  static constexpr std::int64_t kBlockChannels = std::int64_t{kMaxVectors} * 16;
  static constexpr std::int64_t kRowElements = std::int64_t{kMaxRows} * 16;

  // What is shared by the rows of one kernel call, in scratch memory.
  struct Tile {
    Acc* acc;
    Acc* block;                  // sums of one block of K, where these are summed apart
    std::ptrdiff_t input_plane;  // elements from one plane of the input to the next
    Segment* segments;
    int segment_count;
    std::int64_t valid;  // real elements under the window
    // Of low-bit planes only (ops/low_bit.h).
    Acc* offsets;
    Acc* row_sums;
    Segment* row_segments;  // or those of one channel of a planar input
    int row_segment_count;
  };

  std::int64_t max_segments() const {
    // Of a planar input one per tap and channel, some cut in two between blocks.
    if (spec_.planar_input) return 2 * length_;
    return (flat_ ? 1 : spec_.window.taps()) * planes_.pair_count();
  }

  bool sums_blocks() const { return spec_.planar_input && length_ > kSumBlock; }

  // A dense layer's packed rows are everything behind axis 0.
  bool whole_rows() const { return Format::kPlanes && spec_.dense; }

  // Completes the tile of a window of `elements` real elements, whose segments on the first planes
  // are set.
  void set_window(Tile& tile, const Block& block, std::int64_t elements,
                  const WindowTaps& taps) const {
    tile.valid = elements;
    if constexpr (Format::kPlanes) {
      if (planes_.plain()) return;
      if (planes_.has_offsets()) {
        planes_.offsets(taps, block.channel, block.channels, tile.offsets);
      }
      if (planes_.has_rows()) {
        std::copy_n(tile.segments, tile.segment_count, tile.row_segments);
        tile.row_segment_count =
            planes_.spread_rows(tile.row_segments, tile.segment_count, tile.input_plane);
      }
      tile.segment_count =
          planes_.spread(tile.segments, tile.segment_count, tile.input_plane, length_);
    }
  }

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

  void run_flat(const OpContext& context, const Block& block, Tile& tile) const {
    const TensorView& in = context.input(0);
    const std::int64_t rows = whole_rows() ? in.shape[0] : in.shape.product(0, in.shape.rank() - 1);
    tile.segments[0] = {0, 0, length_};
    tile.segment_count = 1;
    set_window(tile, block, spec_.features, WindowTaps{});
    run_rows(context, block, tile, in.as<Input>(), length_, rows, 0);
  }

  void run_windows(const OpContext& context, const Block& block, Tile& tile,
                   Scratch scratch) const {
    const Shape& in = context.input(0).shape;
    ImageExtents from(spec_.planar_input ? channels_last(in) : in);
    if (spec_.planar_input) from.planes = spec_.features;
    const ImageExtents to(context.output().shape);
    const Window& window = spec_.window;
    const Input* input = context.input(0).as<Input>() + block.input_offset;
    const std::int64_t row_units = from.width * unit_;
    const std::int64_t features = spec_.features / spec_.groups;
    for_pixel_runs(
        window, from, to, unit_, scratch.take<PixelRun>(to.width),
        [&](const WindowTaps& taps, std::int64_t origin, std::int64_t count, std::int64_t pixel) {
          Segment* segments = spec_.planar_input ? tile.row_segments : tile.segments;
          tile.segment_count = window_segments(window, taps, unit_, slice_, row_units,
                                               from.height * row_units, segments);
          if (spec_.planar_input) {
            spread_channels(tile, from.depth * from.height * row_units);
          }
          set_window(tile, block, taps.count() * features, taps);
          run_rows(context, block, tile, input + origin, window.w.stride * unit_, count, pixel);
        });
  }

  // Lists the segments of one channel (row_segments) for all of them, `plane` elements apart, cut
  // between blocks of K.
  void spread_channels(Tile& tile, std::int64_t plane) const {
    int count = 0;
    for (std::int64_t c = 0; c < spec_.features; ++c) {
      for (int s = 0; s < tile.segment_count; ++s) {
        Segment rest = tile.row_segments[s];
        rest.input += c * plane;
        rest.weight += c * spec_.window.taps();
        while (rest.length > 0) {
          Segment& part = tile.segments[count++];
          part = rest;
          part.length = std::min<std::ptrdiff_t>(rest.length, kSumBlock - rest.weight % kSumBlock);
          rest.input += part.length;
          rest.weight += part.length;
          rest.length -= part.length;
        }
      }
    }
    tile.segment_count = count;
  }

  // The sums of a tile over K: of each block of it apart, where the layer sums blocks.
  void sum(const Block& block, const Tile& tile, const Input* x, std::ptrdiff_t row_stride,
           int rows, std::ptrdiff_t acc_stride) const {
    const auto over = [&](int first, int last, Acc* acc) {
      Format::run(kernel_.run, x, row_stride, rows, tile.segments + first, last - first,
                  weights_.data() + block.weights, vector_stride(), block.vectors,
                  planes_.valid(tile.valid), acc, acc_stride);
    };
    const int count = tile.segment_count;
    if (!sums_blocks() || count == 0) return over(0, count, tile.acc);
    const auto block_of = [&](int s) { return tile.segments[s].weight / kSumBlock; };
    for (int first = 0, last = 0; first < count; first = last) {
      while (last < count && block_of(last) == block_of(first)) ++last;
      over(first, last, first == 0 ? tile.acc : tile.block);
      if (first == 0) continue;
      for (std::int64_t i = 0; i < rows * acc_stride; ++i) tile.acc[i] += tile.block[i];
    }
  }

  // Output pixels [pixel, pixel + rows), whose inputs lie row_stride apart and share the window.
  void run_rows(const OpContext& context, const Block& block, const Tile& tile, const Input* input,
                std::int64_t row_stride, std::int64_t rows, std::int64_t pixel) const {
    const std::ptrdiff_t acc_stride =
        round_up<std::ptrdiff_t>(block.vectors * kernel_.lanes, kOperandBlock);
    for (std::int64_t first = 0; first < rows; first += kMaxRows) {
      const int count = static_cast<int>(std::min<std::int64_t>(kMaxRows, rows - first));
      const Input* x = input + first * row_stride;
      sum(block, tile, x, row_stride, count, acc_stride);
      if constexpr (Format::kPlanes) {
        if (!planes_.plain()) finish_planes(block, tile, x, row_stride, count, acc_stride);
      }
      epilogue_.store(context, tile.acc, acc_stride, count, {block.channel, block.channels},
                      block.operand, pixel + first, 1);
    }
  }

  // Sums of low-bit planes to the integers of the layer.
  void finish_planes(const Block& block, const Tile& tile, const Input* input,
                     std::ptrdiff_t row_stride, int rows, std::ptrdiff_t acc_stride) const {
    if (planes_.has_rows()) {
      Format::run(kernel_.run, input, row_stride, rows, tile.row_segments, tile.row_segment_count,
                  plus_one_.data(), 0, 1, planes_.row_valid(tile.valid), tile.row_sums,
                  kOperandBlock);
    }
    planes_.finish(tile.acc, acc_stride, rows, block.channels, tile.offsets, tile.row_sums,
                   kOperandBlock);
  }

  DotLayerSpec spec_;
  std::int64_t length_;     // K in elements of Input
  std::int64_t unit_ = 0;   // elements per input pixel
  std::int64_t slice_ = 0;  // elements per input pixel and group
  bool flat_ = true;        // rows follow each other in memory, one segment each
  KernelVariant kernel_;
  PlaneSums planes_;
  TileEpilogue<Acc> epilogue_;
  AlignedArray<Weight> weights_;
  AlignedArray<Weight> plus_one_;  // one lane vector of weights for row sums
  std::vector<Block> blocks_;
};

std::int64_t taps_of(const DotLayerSpec& spec) { return spec.dense ? 1 : spec.window.taps(); }

[[noreturn]] void bad_spec(const DotLayerSpec& spec, const std::string& what) {
  throw ModelFormatError("node '" + spec.name + "': " + what);
}

// Bounds every number of a description, so that no later product overflows.
void check_spec(const DotLayerSpec& spec) {
  const std::string problem = spec.window.problem();
  if (!problem.empty()) bad_spec(spec, "the window has " + problem);
  if (spec.spatial_axes != 3 && (spec.spatial_axes != 2 || spec.window.d != WindowAxis{})) {
    bad_spec(spec, "a window with a depth on images without one");
  }
  if (spec.outputs < 1 || spec.outputs > kMaxExtent || spec.features < 1 ||
      spec.features > kMaxDotLength / taps_of(spec)) {
    bad_spec(spec, "extents out of range (outputs " + std::to_string(spec.outputs) + ", features " +
                       std::to_string(spec.features) + ")");
  }
  if (spec.pixels < 1 || spec.features % spec.pixels != 0 || (!spec.dense && spec.pixels != 1)) {
    bad_spec(spec, "features of " + std::to_string(spec.pixels) + " pixels");
  }
  if (spec.planar_input && (spec.dense || spec.groups != 1)) {
    bad_spec(spec, "a planar input of a dense layer or in groups");
  }
  if (spec.groups < 1 || (spec.dense && spec.groups != 1) || spec.outputs % spec.groups != 0 ||
      spec.features % spec.groups != 0) {
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
                std::int64_t outputs, std::int64_t length) {
  const std::int64_t planes = static_cast<std::int64_t>(rows.size()) / (outputs * length);
  for (std::int64_t p = 0; p < planes; ++p) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      const auto* source = rows.data() + (p * outputs + o) * length;
      auto* target = layer.weights().data() + layer.weight_index(o) + p * length * layer.lanes();
      for (std::int64_t k = 0; k < length; ++k) target[k * layer.lanes()] = source[k];
    }
  }
}

template <class Format>
std::unique_ptr<Op> byte_layer(const DotLayerSpec& spec, std::int64_t length,
                               std::span<const std::uint8_t> weights, const Epilogue& epilogue,
                               const KernelSet& kernels) {
  auto layer = std::make_unique<DotLayer<Format>>(spec, length, epilogue, kernels);
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
  if (spec.planar_input) bad_spec(spec, "bits of a planar input");
  const std::int64_t features = spec.features / spec.groups;
  const std::string problem =
      PlaneSums::problem(spec.input_code, spec.weight_code, taps_of(spec) * features);
  if (!problem.empty()) bad_spec(spec, problem);
  const std::int64_t planes = static_cast<std::int64_t>(spec.weight_code.shifts.size());
  std::int64_t length = taps_of(spec) * words_for(features);
  if (spec.dense) {
    // A flattened image has tail bits inside its rows: the weights say how many words a row has.
    length = std::max(length, static_cast<std::int64_t>(weights.size()) / (planes * spec.outputs));
  }
  check_weight_count(spec, weights.size(), planes * length);
  if (spec.input_code.ternary) {
    DotLayerSpec signs = spec;
    signs.input_code = {};
    signs.channels_first = false;  // masked layers store channels last
    return make_ternary_layer(make_xnor_layer(signs, weights, epilogue, kernels),
                              make_masked_layer(spec, length, weights, epilogue, kernels), spec);
  }
  if (needs_masks(spec, length, epilogue))
    return make_masked_layer(spec, length, weights, epilogue, kernels);
  PlaneSums sums;
  if (spec.input_code.digits != 0 || spec.weight_code != WeightCode{}) {
    sums = PlaneSums(spec.input_code, spec.weight_code, weights, spec.outputs, spec.window,
                     features, kernels.plane_sum.run);
  }
  if (chain_pays(spec, kernels)) {
    return make_xnor_chain_layer(spec, length, weights, epilogue, kernels, std::move(sums));
  }
  auto layer =
      std::make_unique<DotLayer<XnorFormat>>(spec, length, epilogue, kernels, std::move(sums));
  fill_lanes(*layer, weights, spec.outputs, length);
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
  if (spec.groups != 1 || spec.planar_input) {
    bad_spec(spec, "1-bit weights in groups or bytes of a planar input");
  }
  const std::int64_t length = taps_of(spec) * spec.features;
  if (length > kMaxByteDotLength) bad_spec(spec, "sums of bytes that may leave 32 bits");
  check_weight_count(spec, weights.size(), (length + 7) / 8);
  switch (input) {
    case ElementType::u8:
      return byte_layer<U8Format>(spec, length, weights, epilogue, kernels);
    case ElementType::i8:
      return byte_layer<I8Format>(spec, length, weights, epilogue, kernels);
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
  fill_lanes(*layer, weights, spec.outputs, length);
  return layer;
}

}  // namespace bnn
