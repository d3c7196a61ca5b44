#include "ops/quantize.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/aligned.h"
#include "base/bits.h"
#include "ops/scratch.h"
#include "ops/threshold_bounds.h"

namespace bnn {
namespace {

// Bytes of input that are read again for every level: they should stay in L1.
constexpr std::int64_t kBlockBytes = std::int64_t{16} << 10;

class MakeBitPlanes final : public Op {
 public:
  MakeBitPlanes(const std::string& name, const BitPlanes& planes, const KernelSet& kernels)
      : Op(name), variant_(kernels.binarize_f32), planes_(planes.planes) {
    if (planes.tests.empty() || planes_ < 1 || planes_ > kMaxPlanes) {
      bad_model(std::to_string(planes.tests.size()) + " tests for " + std::to_string(planes_) +
                " planes of bits");
    }
    for (const BitPlanes::Test& test : planes.tests) {
      tests_.push_back(
          {Bounds<float>(name, test.interval, kSharedBlock), test.interval.inverted, test.planes});
      if (tests_.back().bounds.channels() != tests_.front().bounds.channels()) {
        bad_model("tests of different numbers of channels");
      }
    }
  }

  TensorType output_type(std::size_t) const override { return {ElementType::bits, planes_}; }
  std::string kernel() const override { return variant_.name(); }
  std::size_t constant_bytes() const override {
    return tests_.size() * tests_.front().bounds.bytes();
  }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    const Bounds<float>& bounds = tests_.front().bounds;
    if (in.rank() < 1 || !bounds.fit(in.back())) {
      bad_shape("expected [..., " + std::to_string(bounds.channels()) + "], got " + in.text());
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
    auto* bits = reinterpret_cast<std::uint64_t*>(context.scratch);
    // The binarize kernels leave the bytes of a last word that hold no channel alone.
    std::memset(bits, 0, scratch_bytes({&in.shape, 1}));
    auto* planes = context.output().as<std::uint64_t>();
    for (std::int64_t first = 0; first < rows; first += height) {
      const std::int64_t count = std::min(height, rows - first);
      for (int plane = 0; plane < planes_; ++plane) {
        std::fill_n(planes + (plane * rows + first) * words, count * words, 0);
      }
      for (const Test& test : tests_) {
        run_test(test, in.as<float>() + first * channels, channels, count, bits);
        for (int plane = 0; plane < planes_; ++plane) {
          if (((test.planes >> plane) & 1u) == 0) continue;
          std::uint64_t* out = planes + (plane * rows + first) * words;
          for (std::int64_t i = 0; i < count * words; ++i) out[i] ^= bits[i];
        }
      }
    }
    context.output().has_zeros = true;  // for all that is known
  }

 private:
  static std::int64_t block_rows(std::int64_t channels) {
    const std::int64_t row_bytes =
        std::max<std::int64_t>(channels, 1) * std::int64_t{sizeof(float)};
    return std::max<std::int64_t>(1, kBlockBytes / row_bytes);
  }

  struct Test {
    Bounds<float> bounds;
    bool inverted;
    unsigned planes;  // bit p: it belongs to plane p
  };

  // The bits of a test of `rows` rows.
  void run_test(const Test& test, const float* x, std::int64_t channels, std::int64_t rows,
                std::uint64_t* out) const {
    const std::int64_t stride = words_for(channels) * kWordBytes;
    const std::int64_t block = test.bounds.shared() ? kSharedBlock : channels;
    for (std::int64_t c = 0; c < channels; c += block) {
      variant_.run(x + c, channels, rows, std::min(block, channels - c), test.bounds.lower(),
                   test.bounds.upper(), test.inverted, reinterpret_cast<std::uint8_t*>(out) + c / 8,
                   stride);
    }
  }

  Variant<BinarizeF32Fn> variant_;
  int planes_;
  std::vector<Test> tests_;
};

}  // namespace

BitPlanes digit_planes(const std::string& node, const std::vector<Thresholds>& levels) {
  const auto bad_model = [&node](const std::string& what) {
    throw ModelFormatError("node '" + node + "': " + what);
  };
  BitPlanes made;
  made.planes = static_cast<int>(std::bit_width(levels.size()));
  if (levels.empty() || made.planes > kMaxPlanes) {
    bad_model(std::to_string(levels.size()) + " levels; there may be 1 to " +
              std::to_string((1 << kMaxPlanes) - 1));
  }
  const Thresholds* before = nullptr;
  for (std::size_t j = 0; j < levels.size(); ++j) {
    const Thresholds& level = levels[j];
    const std::size_t channels = levels.front().lower.size();
    if (level.inverted || level.lower.size() != channels || level.upper.size() != channels) {
      bad_model("levels must have as many bounds each, and none inverted");
    }
    for (std::size_t c = 0; before != nullptr && c < channels; ++c) {
      const bool empty = level.lower[c] > level.upper[c];
      if (!empty && !(before->lower[c] <= level.lower[c] && level.upper[c] <= before->upper[c])) {
        bad_model("level " + std::to_string(j + 1) + " does not lie inside the one before");
      }
    }
    before = &level;
    // Levels are nested, so digit p changes at every multiple of 2^p: bit 1 where that is reached.
    const int digits = std::countr_zero(j + 1) + 1;
    made.tests.push_back({{level.lower, level.upper, true}, (1u << digits) - 1});
  }
  return made;
}

std::unique_ptr<Op> make_bit_planes(const std::string& name, const BitPlanes& planes,
                                    const KernelSet& kernels) {
  return std::make_unique<MakeBitPlanes>(name, planes, kernels);
}

}  // namespace bnn
