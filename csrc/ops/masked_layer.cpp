#include "ops/masked_layer.h"

#include <algorithm>
#include <utility>

#include "base/aligned.h"
#include "base/bits.h"
#include "ops/layer_shape.h"
#include "ops/scratch.h"
#include "ops/tile_epilogue.h"

namespace bnn {
namespace {

const WeightCode kTernaryWeights{{0, 0}, 0, true};

// Output channels [channel, channel + channels), all of which read the same words of a pixel.
struct Block {
  std::int64_t channel;
  std::int64_t channels;
  std::int64_t first_word;  // of an input pixel
  std::int64_t slice;       // words from there on
  std::ptrdiff_t weights;   // index of the first weight
  std::ptrdiff_t vector_stride;
  std::ptrdiff_t mask;  // from a weight to its mask
  std::ptrdiff_t vectors;
};

// Epilogues see the channels of all groups in a row.
DotLayerSpec without_groups(DotLayerSpec spec) {
  spec.groups = 1;
  return spec;
}

class Layer final : public MaskedLayer {
 public:
  Layer(const DotLayerSpec& spec, std::int64_t length, std::span<const std::uint64_t> weights,
        const Epilogue& epilogue, const KernelSet& kernels)
      : MaskedLayer(spec.name),
        spec_(spec),
        flat_(spec.dense),
        length_(length),
        unit_(spec.dense ? length : words_for(spec.features)),
        kernel_(kernels.xnor_masked),
        epilogue_(without_groups(spec), epilogue, kernels) {
    if (spec.weight_code.constant != 0) {
      bad_model("weights with a constant term under masks (zeros, or groups of " +
                std::to_string(spec.features / spec.groups) + " channels)");
    }
    const bool merged = spec.weight_code == kTernaryWeights && spec.input_code.digits == 0;
    masked_weights_ = merged || spec.groups != 1 || !spec.input_code.ternary;
    weight_planes_ = merged ? 1 : static_cast<std::int64_t>(spec.weight_code.shifts.size());
    if (!merged && (spec.input_code.digits != 0 || spec.weight_code != WeightCode{})) {
      planes_ = PlaneSums(spec.input_code, spec.weight_code, weights, spec.outputs, spec.window,
                          spec.features / spec.groups, kernels.plane_sum.run);
    }
    make_blocks();
    pack(weights, merged);
  }

  std::size_t input_count() const override { return 1 + epilogue_.residual_count(); }
  TensorType input_type(std::size_t index) const override {
    return index == 0 ? spec_.input_code.type() : TensorType(ElementType::f32);
  }
  std::size_t output_count() const override { return epilogue_.output_count(); }
  TensorType output_type(std::size_t index) const override { return epilogue_.output_type(index); }
  std::string kernel() const override { return kernel_.name(); }
  std::size_t constant_bytes() const override {
    return weights_.bytes() + planes_.bytes() + epilogue_.bytes();
  }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape out = dot_layer_shape(spec_, ElementType::bits, length_, inputs[0]);
    epilogue_.check_residuals(inputs, out);
    return out;
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    const Shape out = infer(inputs);
    return Scratch::bytes<std::int32_t>(kTileElements) +
           Scratch::bytes<std::int32_t>(kBlockChannels) +
           2 * Scratch::bytes<std::ptrdiff_t>(kMaxRows) + Scratch::bytes<Segment>(max_segments()) +
           Scratch::bytes<PixelRun>(flat_ ? 0 : ImageExtents(out).width);
  }

  double cycles(std::span<const Shape> /*inputs*/, const Shape& output) const override {
    constexpr double kMacsPerCycle = 200.0;
    const std::int64_t words = blocks_.front().slice * (flat_ ? 1 : spec_.window.taps());
    return static_cast<double>(output.elements() * planes_.pair_count() * words * kWordBits) /
           kMacsPerCycle;
  }

  void run(const OpContext& context) const override { run_selected(context, nullptr); }

  void run_selected(const OpContext& context, const std::uint8_t* selected) const override {
    if (selected == nullptr) epilogue_.clear_tail_bits(context);
    Scratch scratch(context.scratch);
    Tile tile{};
    tile.selected = selected;
    tile.acc = scratch.take<std::int32_t>(kTileElements);
    tile.offsets = scratch.take<std::int32_t>(kBlockChannels);
    tile.inputs = scratch.take<std::ptrdiff_t>(kMaxRows);
    tile.outputs = scratch.take<std::ptrdiff_t>(kMaxRows);
    tile.segments = scratch.take<Segment>(max_segments());
    const Shape& in = context.input(0).shape;
    tile.input_plane = flat_ ? in[0] * length_ : in.product(0, in.rank() - 1) * unit_;
    for (const Block& block : blocks_) {
      if (flat_) {
        run_flat(context, block, tile);
      } else {
        run_windows(context, block, tile, scratch);
      }
    }
  }

 private:
  static constexpr std::int64_t kTileElements = std::int64_t{kMaxRows} * kMaxVectors * 16;
  static constexpr std::int64_t kBlockChannels = std::int64_t{kMaxVectors} * 16;

  // Rows that share a window, collected until they fill a kernel call.
  struct Tile {
    const std::uint8_t* selected;
    std::int32_t* acc;
    std::int32_t* offsets;    // of low-bit planes only (ops/low_bit.h)
    std::ptrdiff_t* inputs;   // offset of each row's origin in the input
    std::ptrdiff_t* outputs;  // offset of each row's pixel in the output
    int rows;
    std::ptrdiff_t input_plane;  // words from one plane of the input to the next
    Segment* segments;
    int segment_count;
  };

  std::int64_t max_segments() const {
    return (flat_ ? 1 : spec_.window.taps()) * planes_.pair_count();
  }

  // The words of a pixel that the group of an output channel lies in.
  std::pair<std::int64_t, std::int64_t> words_of(std::int64_t channel) const {
    if (flat_ || spec_.groups == 1) return {0, unit_};
    const std::int64_t inputs = spec_.features / spec_.groups;
    const std::int64_t first = channel / (spec_.outputs / spec_.groups) * inputs;
    return {first / kWordBits, words_for(first + inputs)};
  }

  // As many channels as read the same words, up to what a kernel call takes, in whole vectors of
  // epilogue operands.
  void make_blocks() {
    const std::int64_t lanes = kernel_.lanes;
    const std::int64_t taps = flat_ ? 1 : spec_.window.taps();
    std::ptrdiff_t weights = 0;
    for (std::int64_t channel = 0; channel < spec_.outputs; channel += kOperandBlock) {
      const std::int64_t last = std::min(channel + kOperandBlock, spec_.outputs) - 1;
      const std::int64_t vectors = (last - channel) / lanes + 1;
      const std::int64_t first_word = words_of(channel).first;
      const std::int64_t slice = words_of(last).second - first_word;
      const std::ptrdiff_t plane = taps * slice * lanes;
      const std::ptrdiff_t mask = round_up<std::ptrdiff_t>(weight_planes_ * plane, 8);
      const std::ptrdiff_t stride = masked_weights_ ? 2 * mask : mask;
      Block* block = blocks_.empty() ? nullptr : &blocks_.back();
      if (block == nullptr || block->vectors + vectors > kMaxVectors ||
          block->first_word != first_word || block->slice != slice) {
        blocks_.push_back(
            {channel, 0, first_word, slice, weights, stride, masked_weights_ ? mask : 0, 0});
        block = &blocks_.back();
      }
      block->vectors += vectors;
      block->channels = last + 1 - block->channel;
      weights += vectors * stride;
    }
    weights_ = AlignedArray<std::uint64_t>(static_cast<std::size_t>(weights));
  }

  // [vectors][planes][taps][words of the slice][lanes], followed by the masks in the same layout.
  // `merged`: the two planes of ternary weights become signs and mask.
  void pack(std::span<const std::uint64_t> weights, bool merged) {
    const std::int64_t taps = flat_ ? 1 : spec_.window.taps();
    const std::int64_t inputs = spec_.features / spec_.groups;
    const std::int64_t words = length_ / taps;  // of a group's channels
    const std::uint64_t* second = weights.data() + spec_.outputs * length_;
    for (const Block& block : blocks_) {
      for (std::int64_t c = 0; c < block.channels; ++c) {
        const std::int64_t channel = block.channel + c;
        const std::int64_t group = channel / (spec_.outputs / spec_.groups);
        const std::int64_t shift = flat_ ? 0 : group * inputs - block.first_word * kWordBits;
        std::uint64_t* target = weights_.data() + block.weights +
                                c / kernel_.lanes * block.vector_stride + c % kernel_.lanes;
        for (std::int64_t plane = 0; plane < weight_planes_; ++plane) {
          for (std::int64_t tap = 0; tap < taps; ++tap) {
            for (std::int64_t i = 0; i < words; ++i) {
              const std::int64_t source =
                  (plane * spec_.outputs + channel) * length_ + tap * words + i;
              const std::uint64_t signs = weights[static_cast<std::size_t>(source)];
              const std::uint64_t differ = merged ? signs ^ second[source] : 0;
              std::uint64_t* out = target + ((plane * taps + tap) * block.slice) * kernel_.lanes;
              put(out, shift + i * kWordBits, signs & ~differ);
              if (!masked_weights_) continue;
              put(out + block.mask, shift + i * kWordBits, real_bits(i, words) & ~differ);
            }
          }
        }
      }
    }
  }

  // Ones for the elements of word i of a group. Where the rows of a flattened image have tail bits
  // inside, the input is masked as well.
  std::uint64_t real_bits(std::int64_t i, std::int64_t words) const {
    if (flat_ && spec_.pixels > 1) {
      const std::int64_t channels = spec_.features / spec_.pixels;
      const bool last = (i + 1) % words_for(channels) == 0;
      return last && channels % kWordBits != 0 ? (std::uint64_t{1} << channels % kWordBits) - 1
                                               : ~std::uint64_t{0};
    }
    const std::int64_t tail = spec_.features / spec_.groups % kWordBits;
    const bool whole = flat_ && words != words_for(spec_.features);
    return whole || i + 1 < words || tail == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << tail) - 1;
  }

  // Ors `bits` into the words of a lane from bit position `at` on.
  void put(std::uint64_t* lane, std::int64_t at, std::uint64_t bits) const {
    std::uint64_t* word = lane + at / kWordBits * kernel_.lanes;
    const std::int64_t offset = at % kWordBits;
    *word |= bits << offset;
    if (offset != 0 && bits >> (kWordBits - offset) != 0) {
      word[kernel_.lanes] |= bits >> (kWordBits - offset);
    }
  }

  void run_flat(const OpContext& context, const Block& block, Tile& tile) const {
    tile.segments[0] = {0, 0, length_};
    tile.segment_count = 1;
    set_window(tile, block, WindowTaps{});
    const std::int64_t rows = context.input(0).shape[0];
    for (std::int64_t row = 0; row < rows; ++row) add_row(context, block, tile, row * length_, row);
    flush(context, block, tile);
  }

  void run_windows(const OpContext& context, const Block& block, Tile& tile,
                   Scratch scratch) const {
    const ImageExtents from(context.input(0).shape);
    const ImageExtents to(context.output().shape);
    const Window& window = spec_.window;
    const std::int64_t row_units = from.width * unit_;
    for_pixel_runs(
        window, from, to, unit_, scratch.take<PixelRun>(to.width),
        [&](const WindowTaps& taps, std::int64_t origin, std::int64_t count, std::int64_t pixel) {
          tile.segment_count = window_segments(window, taps, unit_, block.slice, row_units,
                                               from.height * row_units, tile.segments);
          set_window(tile, block, taps);
          for (std::int64_t i = 0; i < count; ++i) {
            add_row(context, block, tile, block.first_word + origin + i * window.w.stride * unit_,
                    pixel + i);
          }
          flush(context, block, tile);
        });
  }

  // Completes the tile of a window whose segments on the first planes are set.
  void set_window(Tile& tile, const Block& block, const WindowTaps& taps) const {
    if (planes_.plain()) return;
    if (planes_.has_offsets()) {
      planes_.offsets(taps, block.channel, block.channels, tile.offsets);
    }
    const std::int64_t positions = flat_ ? 1 : spec_.window.taps();
    tile.segment_count = planes_.spread(tile.segments, tile.segment_count, tile.input_plane,
                                        positions * block.slice);
  }

  void add_row(const OpContext& context, const Block& block, Tile& tile, std::ptrdiff_t input,
               std::ptrdiff_t pixel) const {
    if (tile.selected != nullptr && tile.selected[pixel] == 0) return;
    tile.inputs[tile.rows] = input;
    tile.outputs[tile.rows] = pixel * epilogue_.pixel_elements();
    if (++tile.rows == kMaxRows) flush(context, block, tile);
  }

  void flush(const OpContext& context, const Block& block, Tile& tile) const {
    if (tile.rows == 0) return;
    const std::ptrdiff_t acc_stride =
        round_up<std::ptrdiff_t>(block.vectors * kernel_.lanes, kOperandBlock);
    kernel_.run(context.input(0).as<std::uint64_t>(), tile.inputs, tile.rows,
                spec_.input_code.ternary ? tile.input_plane : 0, tile.segments, tile.segment_count,
                weights_.data() + block.weights, block.vector_stride, block.vectors, block.mask,
                tile.acc, acc_stride);
    if (!planes_.plain()) {
      planes_.finish(tile.acc, acc_stride, tile.rows, block.channels, tile.offsets, nullptr, 0);
    }
    epilogue_.store_rows(context, tile.acc, acc_stride, tile.rows, {block.channel, block.channels},
                         block.channel, tile.outputs);
    tile.rows = 0;
  }

  DotLayerSpec spec_;
  bool flat_;            // one segment a row
  std::int64_t length_;  // words along K of a row of weights as given
  std::int64_t unit_;    // words of an input pixel, or of a row
  Variant<XnorMaskedFn> kernel_;
  PlaneSums planes_;
  TileEpilogue<std::int32_t> epilogue_;
  bool masked_weights_ = false;
  std::int64_t weight_planes_ = 1;
  AlignedArray<std::uint64_t> weights_;
  std::vector<Block> blocks_;
};

}  // namespace

bool needs_masks(const DotLayerSpec& spec, std::int64_t length, const Epilogue& epilogue) {
  // Rows of a flattened image have tail bits inside, which only a masked input tells from weights.
  // Their number of words need not show it: 2 pixels of 33 channels have as many as 66 channels.
  const bool inner_tails = spec.pixels > 1 && spec.features / spec.pixels % kWordBits != 0;
  const bool whole_rows = !spec.dense || (!inner_tails && length == words_for(spec.features));
  if (spec.weight_code == kTernaryWeights && spec.input_code.digits == 0 && whole_rows) return true;
  if (spec.groups == 1) return false;
  const auto* floats = std::get_if<FloatEpilogue>(&epilogue);
  const bool to_bits = floats == nullptr || floats->thresholds;
  return spec.features / spec.groups % kWordBits != 0 ||
         (to_bits && spec.outputs / spec.groups % 8 != 0);
}

std::unique_ptr<MaskedLayer> make_masked_layer(const DotLayerSpec& spec, std::int64_t length,
                                               std::span<const std::uint64_t> weights,
                                               const Epilogue& epilogue, const KernelSet& kernels) {
  return std::make_unique<Layer>(spec, length, weights, epilogue, kernels);
}

}  // namespace bnn
