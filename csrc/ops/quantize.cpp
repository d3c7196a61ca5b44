#include "ops/quantize.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/aligned.h"
#include "base/bits.h"
#include "ops/scratch.h"

namespace bnn {
namespace {

// Channels whose bounds are expanded at once when one interval serves all of them.
constexpr std::int64_t kSharedBlock = 1024;

// Bytes of input that are read again for every level: they should stay in L1.
constexpr std::int64_t kBlockBytes = std::int64_t{16} << 10;

class Quantize final : public Op {
 public:
  Quantize(const std::string& name, const std::vector<Thresholds>& levels, const KernelSet& kernels)
      : Op(name), variant_(kernels.binarize_f32), digits_(digits_of(levels.size())) {
    if (levels.empty() || digits_ > kMaxPlanes) {
      bad_model(std::to_string(levels.size()) + " levels; there may be 1 to " +
                std::to_string((1 << kMaxPlanes) - 1));
    }
    channels_ = static_cast<std::int64_t>(levels.front().lower.size());
    if (channels_ == 0) bad_model("no thresholds");
    shared_ = channels_ == 1;
    const std::int64_t expanded = shared_ ? kSharedBlock : channels_;
    stride_ = round_up<std::int64_t>(expanded, 16);
    lower_ = AlignedArray<float>(levels.size() * static_cast<std::size_t>(stride_));
    upper_ = AlignedArray<float>(levels.size() * static_cast<std::size_t>(stride_));
    for (std::size_t j = 0; j < levels.size(); ++j) {
      const Thresholds& level = levels[j];
      if (level.inverted || level.lower.size() != static_cast<std::size_t>(channels_) ||
          level.upper.size() != static_cast<std::size_t>(channels_)) {
        bad_model("levels must have one lower and one upper bound per channel, none inverted");
      }
      for (std::int64_t c = 0; c < expanded; ++c) {
        const std::size_t source = shared_ ? 0 : static_cast<std::size_t>(c);
        const float low = level.lower[source];
        const float high = level.upper[source];
        if (low != low || high != high) bad_model("a threshold is NaN");
        const std::size_t at = j * static_cast<std::size_t>(stride_) + static_cast<std::size_t>(c);
        lower_[at] = low;
        upper_[at] = high;
        const bool empty = low > high;
        if (j > 0 && !empty) {
          const std::size_t before = at - static_cast<std::size_t>(stride_);
          if (!(lower_[before] <= low && high <= upper_[before])) {
            bad_model("level " + std::to_string(j) + " does not lie inside the one before");
          }
        }
      }
    }
    levels_ = static_cast<int>(levels.size());
  }

  TensorType output_type(std::size_t) const override { return {ElementType::bits, digits_}; }
  std::string kernel() const override { return variant_.name(); }
  std::size_t constant_bytes() const override { return lower_.bytes() + upper_.bytes(); }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() < 1 || (!shared_ && in.back() != channels_)) {
      bad_shape("expected [..., " + std::to_string(channels_) + "], got " + in.text());
    }
    return in;
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    const std::int64_t words = words_for(inputs[0].back());
    return Scratch::bytes<std::uint64_t>(block_rows(inputs[0].back()) * words);
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const std::int64_t channels = in.shape.back();
    const std::int64_t rows = in.shape.product(0, in.shape.rank() - 1);
    const std::int64_t words = words_for(channels);
    const std::int64_t height = block_rows(channels);
    auto* reached = reinterpret_cast<std::uint64_t*>(context.scratch);
    // The binarize kernels leave the bytes of a last word that hold no channel alone.
    std::memset(reached, 0, scratch_bytes({&in.shape, 1}));
    auto* planes = context.output().as<std::uint64_t>();
    for (std::int64_t first = 0; first < rows; first += height) {
      const std::int64_t count = std::min(height, rows - first);
      for (int plane = 0; plane < digits_; ++plane) {
        std::fill_n(planes + (plane * rows + first) * words, count * words, 0);
      }
      for (int level = 1; level <= levels_; ++level) {
        test(in.as<float>() + first * channels, channels, count, level - 1, reached);
        // Levels are nested, so digit p changes at every multiple of 2^p.
        for (int plane = 0; plane <= std::countr_zero(static_cast<unsigned>(level)); ++plane) {
          std::uint64_t* out = planes + (plane * rows + first) * words;
          for (std::int64_t i = 0; i < count * words; ++i) out[i] ^= reached[i];
        }
      }
    }
  }

 private:
  static std::int64_t block_rows(std::int64_t channels) {
    const std::int64_t row_bytes =
        std::max<std::int64_t>(channels, 1) * std::int64_t{sizeof(float)};
    return std::max<std::int64_t>(1, kBlockBytes / row_bytes);
  }

  // Bits of `rows` rows: 1 where the level is reached.
  void test(const float* x, std::int64_t channels, std::int64_t rows, int level,
            std::uint64_t* out) const {
    const std::int64_t stride = words_for(channels) * kWordBytes;
    const std::int64_t block = shared_ ? kSharedBlock : channels;
    const float* lower = lower_.data() + level * stride_;
    const float* upper = upper_.data() + level * stride_;
    for (std::int64_t c = 0; c < channels; c += block) {
      variant_.run(x + c, channels, rows, std::min(block, channels - c), lower, upper, true,
                   reinterpret_cast<std::uint8_t*>(out) + c / 8, stride);
    }
  }

  Variant<BinarizeF32Fn> variant_;
  int digits_;
  int levels_ = 0;
  bool shared_ = false;
  std::int64_t channels_ = 0;
  std::int64_t stride_ = 0;    // bounds from one level to the next
  AlignedArray<float> lower_;  // [levels][channels]
  AlignedArray<float> upper_;
};

}  // namespace

int digits_of(std::size_t levels) { return static_cast<int>(std::bit_width(levels)); }

std::unique_ptr<Op> make_quantize(const std::string& name, const std::vector<Thresholds>& levels,
                                  const KernelSet& kernels) {
  return std::make_unique<Quantize>(name, levels, kernels);
}

}  // namespace bnn
