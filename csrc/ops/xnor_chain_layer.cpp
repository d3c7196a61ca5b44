#include "ops/xnor_chain_layer.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "base/aligned.h"
#include "base/bits.h"
#include "ops/chain_layout.h"
#include "ops/layer_shape.h"
#include "ops/scratch.h"
#include "ops/tile_epilogue.h"

namespace bnn {
namespace {

// Chains of more words than this are not worth making at once: they should stay in L2.
constexpr std::int64_t kStripWords = std::int64_t{16} << 10;

// Floats of a band of channels-last results: transposed into planes before they leave L2.
constexpr std::int64_t kBandFloats = std::int64_t{32} << 10;

// A chain is made once for all output channels and all rows of taps that read it. Measured: that
// pays from this many uses on.
constexpr std::int64_t kMinUses = 48;

// Wider windows are rare, and every start in the padding costs another copy of the weights.
constexpr std::int64_t kMaxChainTaps = 16;

constexpr std::size_t kTileElements = std::size_t{kMaxRows} * kMaxVectors * 16;

// Pixels whose windows are clipped alike, and the chains of such a window.
struct PixelClass {
  std::ptrdiff_t* inputs;   // offset of each pixel's first chain
  std::ptrdiff_t* outputs;  // offset of each pixel in the output, in its elements
  std::ptrdiff_t count;
  Segment* chains;
  int chain_count;
  std::int64_t valid;  // real elements under the window
  // Of low-bit planes only (ops/low_bit.h).
  std::int32_t* offsets;  // [output channels]
  Segment* row_chains;
  int row_chain_count;
};

// How a call's output pixels are cut so that their chains fit kStripWords: rows of images, or rows
// of a matrix.
struct Strips {
  std::int64_t height;       // output rows of a strip
  std::int64_t band;         // output rows of a strip that are computed together
  std::int64_t input_rows;   // that their windows span, at most
  std::int64_t chain_words;  // of all chains of one plane
  std::int64_t pixels;
};

class XnorChainLayer final : public Op {
 public:
  XnorChainLayer(const DotLayerSpec& spec, std::int64_t length,
                 std::span<const std::uint64_t> weights, const Epilogue& epilogue,
                 const KernelSet& kernels, PlaneSums planes)
      : Op(spec.name),
        spec_(spec),
        flat_(spec.dense || spec.window.pointwise()),
        length_(length),
        unit_(flat_ ? length : words_for(spec.features)),
        kernel_(kernels.xnor_chain),
        f32_kernel_(kernels.xnor_chain_f32),
        bits_kernel_(kernels.xnor_chain_bits),
        planes_(std::move(planes)),
        vectors_((spec.outputs + kernel_.lanes - 1) / kernel_.lanes),
        epilogue_(spec, epilogue, kernels),
        channels_first_(spec.channels_first && !flat_ && epilogue_.only_floats()),
        transpose_(kernels.transpose_f32) {
    if (flat_) spec_.window = {};
    pack(weights);
    if (planes_.plain()) {
      if (epilogue_.to_bits()) set_limits();
      affine_ = epilogue_.affine();
    }
  }

  std::size_t input_count() const override { return 1 + epilogue_.residual_count(); }
  TensorType input_type(std::size_t index) const override {
    return index == 0 ? spec_.input_code.type() : TensorType(ElementType::f32);
  }
  std::size_t output_count() const override { return epilogue_.output_count(); }
  TensorType output_type(std::size_t index) const override { return epilogue_.output_type(index); }
  std::string kernel() const override { return kernel_.name(); }
  std::size_t constant_bytes() const override {
    return weights_.bytes() + plus_one_.bytes() + planes_.bytes() + epilogue_.bytes() +
           limit_.bytes() + flips_.size();
  }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape out = output_pixels(inputs[0]);
    epilogue_.check_residuals(inputs, out);
    return channels_first_ ? Shape{out[0], out[3], out[1], out[2]} : out;
  }

  bool stores_channels_first() const override { return channels_first_; }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    const Shape out = output_pixels(inputs[0]);
    const Strips strips = cut(inputs[0], out);
    std::size_t total = Scratch::bytes<std::uint64_t>(input_planes() * strips.chain_words) +
                        2 * Scratch::bytes<std::ptrdiff_t>(strips.pixels) +
                        2 * Scratch::bytes<Segment>(max_chains()) +
                        Scratch::bytes<std::int32_t>(vectors_ * kernel_.lanes) +
                        Scratch::bytes<std::int32_t>(kTileElements) +
                        Scratch::bytes<std::int32_t>(kRowElements);
    if (!flat_) total += Scratch::bytes<PixelRun>(out[1]) + Scratch::bytes<PixelRun>(out[2]);
    if (channels_first_) total += Scratch::bytes<float>(strips.band * out[2] * spec_.outputs);
    return total;
  }

  double cycles(std::span<const Shape> /*inputs*/, const Shape& output) const override {
    constexpr double kMacsPerCycle = 320.0;
    return static_cast<double>(output.elements() * planes_.pair_count()) *
           static_cast<double>(length_ * kWordBits) / kMacsPerCycle;
  }

  void run(const OpContext& context) const override {
    epilogue_.clear_tail_bits(context);
    if (flat_) {
      run_flat(context);
    } else {
      run_windows(context);
    }
  }

 private:
  static constexpr std::int64_t kRowElements = std::int64_t{kMaxRows} * kOperandBlock;

  // The output as it is computed: [N, H, W, C], or [..., C] of a dense layer.
  Shape output_pixels(const Shape& in) const {
    return dot_layer_shape(spec_, ElementType::bits, length_, in);
  }

  // Accumulators of one kernel call, in scratch memory.
  struct Tile {
    std::int32_t* acc;
    std::int32_t* row_sums;
  };

  std::int64_t row_words() const { return spec_.window.w.kernel * unit_; }
  std::int64_t input_planes() const { return spec_.input_code.type().planes; }
  std::int64_t max_chains() const { return spec_.window.h.kernel * planes_.pair_count(); }

  // [vectors][planes][starts][tap rows][words of a row's chain][lanes]
  void pack(std::span<const std::uint64_t> weights) {
    const WindowAxis& axis = spec_.window.w;
    // A window starts at its first tap, or at a later one where it hangs over the left edge; taps
    // it has none of at all need no weights.
    start_offset_.assign(static_cast<std::size_t>(axis.kernel), 0);
    std::vector<std::int64_t> starts{0};
    std::int64_t words = spec_.window.h.kernel * row_words();
    for (std::int64_t o = 0; axis.position(o, 0) < 0; ++o) {
      const std::int64_t first = (-axis.position(o, 0) + axis.dilation - 1) / axis.dilation;
      if (first >= axis.kernel || first == starts.back()) continue;
      starts.push_back(first);
      start_offset_[static_cast<std::size_t>(first)] = words;
      words += spec_.window.h.kernel * (axis.kernel - first) * unit_;
    }
    const std::int64_t lanes = kernel_.lanes;
    const std::int64_t planes = static_cast<std::int64_t>(spec_.weight_code.shifts.size());
    plane_words_ = words;
    vector_stride_ = planes * words * lanes;
    weights_ = AlignedArray<std::uint64_t>(static_cast<std::size_t>(vectors_ * vector_stride_));
    for (std::int64_t plane = 0; plane < planes; ++plane) {
      for (std::int64_t channel = 0; channel < spec_.outputs; ++channel) {
        const std::uint64_t* source = weights.data() + (plane * spec_.outputs + channel) * length_;
        std::uint64_t* target = weights_.data() + channel / lanes * vector_stride_ +
                                plane * words * lanes + channel % lanes;
        for (const std::int64_t start : starts) {
          for (std::int64_t row = 0; row < spec_.window.h.kernel; ++row) {
            make_chain(source + row * row_words() + start * unit_, row_words() - start * unit_,
                       target + chain_index(start, row) * lanes, lanes);
          }
        }
      }
    }
    // A chain of zeros is zeros.
    if (planes_.has_rows()) {
      plus_one_ = AlignedArray<std::uint64_t>(static_cast<std::size_t>(words * lanes));
    }
  }

  // Index along K of the chain of a row of taps that starts at tap `start`.
  std::int64_t chain_index(std::int64_t start, std::int64_t row) const {
    return start_offset_[static_cast<std::size_t>(start)] + row * (row_words() - start * unit_);
  }

  // Thresholds as the one comparison of xnor_chain_bits, if all of them are half-lines, as those of
  // a BatchNorm are. Otherwise limit_ stays empty.
  void set_limits() {
    const std::size_t channels = static_cast<std::size_t>(vectors_ * kernel_.lanes);
    const std::int64_t most = length_ * kWordBits;  // no accumulator is larger
    AlignedArray<std::int32_t> limit(channels);
    std::vector<std::uint8_t> flips(static_cast<std::size_t>(vectors_));
    for (std::size_t c = 0; c < channels; ++c) {
      limit[c] = std::numeric_limits<std::int32_t>::min();
      if (c >= static_cast<std::size_t>(spec_.outputs)) continue;
      const std::int32_t lower = epilogue_.lower()[c];
      const std::int32_t upper = epilogue_.upper()[c];
      bool flip = !epilogue_.inverted();  // bit = inside xor flip
      if (lower > upper) {
        // Nothing is inside.
      } else if (lower <= -most) {
        limit[c] = upper;  // inside: acc ≤ upper
      } else if (upper >= most) {
        limit[c] = lower - 1;  // inside: not acc ≤ lower − 1
        flip = !flip;
      } else {
        return;
      }
      if (flip) flips[c / 8] = static_cast<std::uint8_t>(flips[c / 8] | (1u << (c % 8)));
    }
    epilogue_.release_thresholds();
    limit_ = std::move(limit);
    flips_ = std::move(flips);
  }

  Strips cut(const Shape& in, const Shape& out) const {
    if (flat_) {
      const std::int64_t rows = out.product(0, out.rank() - 1);
      const std::int64_t height =
          std::clamp<std::int64_t>(kStripWords / (input_planes() * unit_), 1, rows + 1);
      return {height, height, height, height * unit_, height};
    }
    const WindowAxis& axis = spec_.window.h;
    const std::int64_t row = out[2] * row_words();
    const auto spanned = [&](std::int64_t height) {
      return std::min(in[1], (height - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1);
    };
    std::int64_t height = out[1];
    while (height > 1 && input_planes() * spanned(height) * row > kStripWords) {
      height = (height + 1) / 2;
    }
    const std::int64_t band =
        channels_first_ ? std::clamp<std::int64_t>(kBandFloats / (out[2] * out[3]), 1, height)
                        : height;
    return {height, band, spanned(height), Shape{spanned(height), row}.elements(), height * out[2]};
  }

  void run_flat(const OpContext& context) const {
    const TensorView& in = context.input(0);
    const TensorView& out = context.output();
    const Strips strips = cut(in.shape, out.shape);
    Scratch scratch(context.scratch);
    auto* chains = scratch.take<std::uint64_t>(input_planes() * strips.chain_words);
    PixelClass pixels = take_class(scratch, strips);
    const Tile tile = take_tile(scratch);
    pixels.chains[0] = {0, 0, unit_};
    pixels.chain_count = 1;
    pixels.valid = spec_.features;
    set_planes(pixels, WindowTaps{}, strips);
    const std::int64_t rows = out.shape.product(0, out.shape.rank() - 1);
    for (std::int64_t first = 0; first < rows; first += strips.height) {
      pixels.count = std::min(strips.height, rows - first);
      for (std::int64_t plane = 0; plane < input_planes(); ++plane) {
        for (std::int64_t r = 0; r < pixels.count; ++r) {
          make_chain(in.as<std::uint64_t>() + (plane * rows + first + r) * unit_, unit_,
                     chains + plane * strips.chain_words + r * unit_, 1);
        }
      }
      for (std::int64_t r = 0; r < pixels.count; ++r) {
        pixels.inputs[r] = r * unit_;
        pixels.outputs[r] = (first + r) * epilogue_.pixel_elements();
      }
      compute(context, chains, pixels, tile);
    }
  }

  void run_windows(const OpContext& context) const {
    const Shape& in = context.input(0).shape;
    const Shape out = output_pixels(in);
    const Strips strips = cut(in, out);
    Scratch scratch(context.scratch);
    auto* chains = scratch.take<std::uint64_t>(input_planes() * strips.chain_words);
    PixelClass pixels = take_class(scratch, strips);
    const Tile tile = take_tile(scratch);
    auto* rows = scratch.take<PixelRun>(out[1]);
    auto* columns = scratch.take<PixelRun>(out[2]);
    // Channels-last results of some rows, which take the place of the output until transposed.
    TensorView band{nullptr, out};
    if (channels_first_) {
      band.data = reinterpret_cast<std::byte*>(scratch.take<float>(strips.band * out[2] * out[3]));
    }
    static constexpr int kBand[] = {0};
    const OpContext to_band{&band, {}, kBand, nullptr};
    const WindowAxis& axis = spec_.window.h;
    const int row_runs = pixel_runs(axis, in[1], out[1], rows);
    const int column_runs = pixel_runs(spec_.window.w, in[2], out[2], columns);
    for (std::int64_t n = 0; n < out[0]; ++n) {
      for (std::int64_t top = 0; top < out[1]; top += strips.height) {
        const std::int64_t bottom = std::min(top + strips.height, out[1]);
        const std::int64_t first_input = std::clamp<std::int64_t>(axis.position(top, 0), 0, in[1]);
        const std::int64_t last_input =
            std::clamp<std::int64_t>(axis.position(bottom - 1, axis.kernel - 1) + 1, 0, in[1]);
        for (std::int64_t plane = 0; plane < input_planes(); ++plane) {
          for (std::int64_t y = first_input; y < last_input; ++y) {
            make_row(
                context.input(0), (plane * in[0] + n) * in[1] + y, columns, column_runs,
                chains + plane * strips.chain_words + (y - first_input) * out[2] * row_words());
          }
        }
        for (std::int64_t y = top; y < bottom; y += strips.band) {
          const std::int64_t height = std::min(strips.band, bottom - y);
          for (int r = 0; r < row_runs; ++r) {
            for (int c = 0; c < column_runs; ++c) {
              PixelRun run = rows[r];
              run.first = std::max(run.first, y);
              run.last = std::min(run.last, y + height);
              if (run.first >= run.last) continue;
              set_class(pixels, run, columns[c], first_input, channels_first_ ? -y : n * out[1],
                        out[2]);
              set_planes(pixels, {{0, 1}, run.taps, columns[c].taps}, strips);
              compute(channels_first_ ? to_band : context, chains, pixels, tile);
            }
          }
          if (channels_first_) {
            const std::int64_t plane = out[1] * out[2];
            transpose_.run(band.as<float>(), out[3], height * out[2], out[3],
                           context.output().as<float>() + n * out[3] * plane + y * out[2], plane);
          }
        }
      }
    }
  }

  PixelClass take_class(Scratch& scratch, const Strips& strips) const {
    PixelClass pixels{};
    pixels.inputs = scratch.take<std::ptrdiff_t>(strips.pixels);
    pixels.outputs = scratch.take<std::ptrdiff_t>(strips.pixels);
    pixels.chains = scratch.take<Segment>(max_chains());
    pixels.row_chains = scratch.take<Segment>(max_chains());
    pixels.offsets = scratch.take<std::int32_t>(vectors_ * kernel_.lanes);
    return pixels;
  }

  Tile take_tile(Scratch& scratch) const {
    return {scratch.take<std::int32_t>(kTileElements), scratch.take<std::int32_t>(kRowElements)};
  }

  // Repeats the chains, which are those of the first planes, for all pairs of planes.
  void set_planes(PixelClass& pixels, const WindowTaps& taps, const Strips& strips) const {
    if (planes_.plain()) return;
    if (planes_.has_offsets()) planes_.offsets(taps, 0, spec_.outputs, pixels.offsets);
    if (planes_.has_rows()) {
      std::copy_n(pixels.chains, pixels.chain_count, pixels.row_chains);
      pixels.row_chain_count =
          planes_.spread_rows(pixels.row_chains, pixels.chain_count, strips.chain_words);
    }
    pixels.chain_count =
        planes_.spread(pixels.chains, pixels.chain_count, strips.chain_words, plane_words_);
  }

  // The chains of one input row, one per output column.
  void make_row(const TensorView& in, std::int64_t row, const PixelRun* columns, int column_runs,
                std::uint64_t* chains) const {
    const WindowAxis& axis = spec_.window.w;
    const std::uint64_t* source = in.as<std::uint64_t>() + row * in.shape[2] * unit_;
    for (int c = 0; c < column_runs; ++c) {
      const PixelRun& run = columns[c];
      const std::int64_t taps = run.taps.last - run.taps.first;
      if (taps == 0) continue;
      const std::uint64_t* words = source + axis.position(run.first, run.taps.first) * unit_;
      const std::int64_t step = axis.stride * unit_;
      const std::int64_t length = taps * unit_;
      const std::int64_t count = run.last - run.first;
      std::uint64_t* chain = chains + run.first * row_words();
      if (axis.dilation == 1) {
        make_chains(words, step, count, length, chain, row_words());
        continue;
      }
      for (std::int64_t i = 0; i < count; ++i, words += step, chain += row_words()) {
        for (std::int64_t t = 0; t < taps; ++t) {
          std::copy_n(words + t * axis.dilation * unit_, unit_, chain + t * unit_);
        }
        make_chain(chain, length, chain, 1);
      }
    }
  }

  // The output pixels of a run of rows by a run of columns of an image; chains of input row
  // `first_input` come first, and row 0 of the image is row `output_row` of the output.
  void set_class(PixelClass& pixels, const PixelRun& rows, const PixelRun& columns,
                 std::int64_t first_input, std::int64_t output_row, std::int64_t width) const {
    const WindowAxis& axis = spec_.window.h;
    const std::int64_t row = width * row_words();
    const std::int64_t taps = columns.taps.last - columns.taps.first;
    const std::int64_t tap_rows = taps == 0 ? 0 : rows.taps.last - rows.taps.first;
    for (std::int64_t t = 0; t < tap_rows; ++t) {
      pixels.chains[t] = {t * axis.dilation * row,
                          chain_index(columns.taps.first, rows.taps.first + t), taps * unit_};
    }
    pixels.chain_count = static_cast<int>(tap_rows);
    pixels.valid = tap_rows * taps * spec_.features;
    const std::int64_t elements = epilogue_.pixel_elements();
    const std::int64_t chain = row_words();
    std::ptrdiff_t* inputs = pixels.inputs;
    std::ptrdiff_t* outputs = pixels.outputs;
    for (std::int64_t oy = rows.first; oy < rows.last; ++oy) {
      // Any address does where there is no real tap.
      const std::int64_t origin =
          tap_rows == 0 ? 0 : (axis.position(oy, rows.taps.first) - first_input) * row;
      const std::int64_t input = origin + columns.first * chain;
      const std::int64_t output = ((output_row + oy) * width + columns.first) * elements;
      const std::int64_t count = columns.last - columns.first;
      for (std::int64_t i = 0; i < count; ++i) inputs[i] = input + i * chain;
      for (std::int64_t i = 0; i < count; ++i) outputs[i] = output + i * elements;
      inputs += count;
      outputs += count;
    }
    pixels.count = inputs - pixels.inputs;
  }

  void compute(const OpContext& context, const std::uint64_t* chains, const PixelClass& pixels,
               const Tile& tile) const {
    const std::int32_t valid = static_cast<std::int32_t>(planes_.valid(pixels.valid));
    if (limit_.size() != 0) {
      bits_kernel_.run(chains, pixels.inputs, pixels.count, pixels.chains, pixels.chain_count,
                       weights_.data(), vector_stride_, vectors_, valid, limit_.data(),
                       flips_.data(), context.output().as<std::uint8_t>(), pixels.outputs);
      return;
    }
    if (affine_) {
      f32_kernel_.run(chains, pixels.inputs, pixels.count, pixels.chains, pixels.chain_count,
                      weights_.data(), vector_stride_, vectors_, valid, affine_->scale,
                      affine_->shift, spec_.outputs, context.output().as<float>(), pixels.outputs);
      return;
    }
    for (std::int64_t vector = 0; vector < vectors_; vector += kMaxVectors) {
      const std::int64_t vectors = std::min<std::int64_t>(kMaxVectors, vectors_ - vector);
      const std::int64_t channel = vector * kernel_.lanes;
      const ChannelRange channels{channel,
                                  std::min(vectors * kernel_.lanes, spec_.outputs - channel)};
      const std::ptrdiff_t acc_stride =
          round_up<std::ptrdiff_t>(vectors * kernel_.lanes, kOperandBlock);
      for (std::ptrdiff_t first = 0; first < pixels.count; first += kMaxRows) {
        const std::ptrdiff_t count = std::min<std::ptrdiff_t>(kMaxRows, pixels.count - first);
        kernel_.run(chains, pixels.inputs + first, count, pixels.chains, pixels.chain_count,
                    weights_.data() + vector * vector_stride_, vector_stride_, vectors, valid,
                    tile.acc, acc_stride);
        if (!planes_.plain()) {
          finish_planes(chains, pixels, first, count, channels, tile, acc_stride);
        }
        epilogue_.store_rows(context, tile.acc, acc_stride, count, channels, channels.first,
                             pixels.outputs + first);
      }
    }
  }

  // Sums of low-bit planes to the integers of the layer.
  void finish_planes(const std::uint64_t* chains, const PixelClass& pixels, std::ptrdiff_t first,
                     std::ptrdiff_t count, ChannelRange channels, const Tile& tile,
                     std::ptrdiff_t acc_stride) const {
    if (planes_.has_rows()) {
      kernel_.run(chains, pixels.inputs + first, count, pixels.row_chains, pixels.row_chain_count,
                  plus_one_.data(), 0, 1,
                  static_cast<std::int32_t>(planes_.row_valid(pixels.valid)), tile.row_sums,
                  kOperandBlock);
    }
    planes_.finish(tile.acc, acc_stride, count, channels.count, pixels.offsets + channels.first,
                   tile.row_sums, kOperandBlock);
  }

  DotLayerSpec spec_;
  bool flat_;            // rows follow each other in memory: one chain each
  std::int64_t length_;  // words along K
  std::int64_t unit_;    // words of a tap: of an input pixel, or of a row
  Variant<XnorChainFn> kernel_;
  Variant<XnorChainF32Fn> f32_kernel_;
  Variant<XnorChainBitsFn> bits_kernel_;
  PlaneSums planes_;
  std::int64_t vectors_;  // lane vectors of output channels
  TileEpilogue<std::int32_t> epilogue_;
  bool channels_first_;
  Variant<TransposeF32Fn> transpose_;
  std::vector<std::int64_t> start_offset_;  // words along K to the weights of each first tap
  std::int64_t plane_words_ = 0;            // words along K of one plane of weights
  std::ptrdiff_t vector_stride_ = 0;
  AlignedArray<std::uint64_t> weights_;
  AlignedArray<std::uint64_t> plus_one_;  // one lane vector of weights for row sums
  std::optional<TileEpilogue<std::int32_t>::Affine> affine_;  // where that is all there is
  AlignedArray<std::int32_t> limit_;  // empty where the thresholds are not half-lines
  std::vector<std::uint8_t> flips_;
};

}  // namespace

bool chain_pays(const DotLayerSpec& spec, const KernelSet& kernels) {
  if (kernels.xnor_chain.isa != kernels.xnor_gemm.isa || spec.groups != 1 ||
      spec.spatial_axes != 2) {
    return false;
  }
  if (spec.dense) return spec.outputs >= kMinUses;
  const WindowAxis& axis = spec.window.w;
  return spec.outputs * spec.window.h.kernel >= kMinUses && axis.kernel <= kMaxChainTaps &&
         axis.pad_begin < axis.kernel * axis.dilation;
}

std::unique_ptr<Op> make_xnor_chain_layer(const DotLayerSpec& spec, std::int64_t length,
                                          std::span<const std::uint64_t> weights,
                                          const Epilogue& epilogue, const KernelSet& kernels,
                                          PlaneSums planes) {
  return std::make_unique<XnorChainLayer>(spec, length, weights, epilogue, kernels,
                                          std::move(planes));
}

}  // namespace bnn
