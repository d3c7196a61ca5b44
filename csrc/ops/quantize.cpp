#include "ops/quantize.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "base/aligned.h"
#include "base/bits.h"
#include "ops/layout.h"
#include "ops/scratch.h"
#include "ops/threshold_bounds.h"

namespace bnn {
namespace {

// Bytes of input that are read again for every level: they should stay in L1.
constexpr std::int64_t kBlockBytes = std::int64_t{16} << 10;

// The bits of tests, put together to planes block by block of rows or image by image.
class MakeBitPlanes : public Op {
 public:
  TensorType output_type(std::size_t) const override { return {ElementType::bits, planes_}; }
  std::size_t constant_bytes() const override {
    return tests_.size() * tests_.front().bounds.bytes();
  }

 protected:
  struct Test {
    Bounds<float> bounds;
    bool inverted;
    unsigned planes;  // bit p: it belongs to plane p
  };

  MakeBitPlanes(const std::string& name, const BitPlanes& planes, bool watch_nan,
                std::size_t shared_copies)
      : Op(name), planes_(planes.planes), watch_nan_(watch_nan) {
    if (planes.tests.empty() || planes_ < 1 || planes_ > kMaxPlanes) {
      bad_model(std::to_string(planes.tests.size()) + " tests for " + std::to_string(planes_) +
                " planes of bits");
    }
    for (const BitPlanes::Test& test : planes.tests) {
      tests_.push_back(
          {Bounds<float>(name, test.interval, shared_copies), test.interval.inverted, test.planes});
      if (bounds().channels() != tests_.back().bounds.channels()) {
        bad_model("tests of different numbers of channels");
      }
    }
  }

  const Bounds<float>& bounds() const { return tests_.front().bounds; }

  void finish(const OpContext& context) const {
    context.output().has_zeros = true;  // for all that is known
    if (!watch_nan_ || context.saw_nan == nullptr) return;
    const TensorView& in = context.input(0);
    const float* x = in.as<float>();
    bool nan = false;
    for (std::int64_t i = in.shape.elements(); i-- > 0;) nan |= x[i] != x[i];
    if (nan) *context.saw_nan = true;
  }

  // Words [first, first + count) of every plane, which are `stride` words apart. run_test(test,
  // bits) stores those of a test.
  template <class RunTest>
  void combine(std::uint64_t* planes, std::int64_t stride, std::int64_t first, std::int64_t count,
               std::uint64_t* bits, RunTest&& run_test) const {
    for (int plane = 0; plane < planes_; ++plane) {
      std::fill_n(planes + plane * stride + first, count, 0);
    }
    for (const Test& test : tests_) {
      run_test(test, bits);
      for (int plane = 0; plane < planes_; ++plane) {
        if (((test.planes >> plane) & 1u) == 0) continue;
        std::uint64_t* out = planes + plane * stride + first;
        for (std::int64_t i = 0; i < count; ++i) out[i] ^= bits[i];
      }
    }
  }

 private:
  int planes_;
  bool watch_nan_;
  std::vector<Test> tests_;
};

class MakeBitPlanesOfRows final : public MakeBitPlanes {
 public:
  MakeBitPlanesOfRows(const std::string& name, const BitPlanes& planes, bool watch_nan,
                      const KernelSet& kernels)
      : MakeBitPlanes(name, planes, watch_nan, kSharedBlock), variant_(kernels.binarize_f32) {}

  std::string kernel() const override { return variant_.name(); }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() < 1 || !bounds().fit(in.back())) {
      bad_shape("expected [..., " + std::to_string(bounds().channels()) + "], got " + in.text());
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
    auto* scratch = reinterpret_cast<std::uint64_t*>(context.scratch);
    // The binarize kernels leave the bytes of a last word that hold no channel alone.
    std::memset(scratch, 0, scratch_bytes({&in.shape, 1}));
    for (std::int64_t first = 0; first < rows; first += height) {
      const std::int64_t count = std::min(height, rows - first);
      combine(context.output().as<std::uint64_t>(), rows * words, first * words, count * words,
              scratch, [&](const Test& test, std::uint64_t* bits) {
                run_test(test, in.as<float>() + first * channels, channels, count, bits);
              });
    }
    finish(context);
  }

 private:
  static std::int64_t block_rows(std::int64_t channels) {
    const std::int64_t row_bytes =
        std::max<std::int64_t>(channels, 1) * std::int64_t{sizeof(float)};
    return std::max<std::int64_t>(1, kBlockBytes / row_bytes);
  }

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
};

class MakeBitPlanesOfImages final : public MakeBitPlanes {
 public:
  MakeBitPlanesOfImages(const std::string& name, const BitPlanes& planes, bool watch_nan,
                        const KernelSet& kernels)
      : MakeBitPlanes(name, planes, watch_nan, 1), variant_(kernels.binarize_planar_f32) {}

  std::string kernel() const override { return variant_.name(); }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() < 2 || !bounds().fit(in[1])) {
      bad_shape("expected [N, " + std::to_string(bounds().channels()) + ", ...], got " + in.text());
    }
    return channels_last(in);
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    return Scratch::bytes<std::uint64_t>(image_words(inputs[0]));
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const std::int64_t channels = in.shape[1];
    const std::int64_t pixels = in.shape.product(2, in.shape.rank());
    const std::int64_t words = image_words(in.shape);
    for (std::int64_t n = 0; n < in.shape[0]; ++n) {
      const float* x = in.as<float>() + n * channels * pixels;
      combine(context.output().as<std::uint64_t>(), in.shape[0] * words, n * words, words,
              reinterpret_cast<std::uint64_t*>(context.scratch),
              [&](const Test& test, std::uint64_t* bits) {
                variant_.run(x, pixels, pixels, channels, test.bounds.lower(), test.bounds.upper(),
                             test.bounds.shared() ? 0 : 1, test.inverted, bits);
              });
    }
    finish(context);
  }

 private:
  static std::int64_t image_words(const Shape& in) {
    return in.product(2, in.rank()) * words_for(in[1]);
  }

  Variant<BinarizePlanarF32Fn> variant_;
};

class UnpackPlanes final : public Op {
 public:
  UnpackPlanes(const std::string& name, std::vector<float> values)
      : Op(name),
        planes_(static_cast<int>(std::bit_width(values.size())) - 1),
        values_(std::move(values)) {
    if (planes_ < 1 || planes_ > kMaxPlanes || values_.size() != std::size_t{1} << planes_) {
      bad_model(std::to_string(values_.size()) + " values of planes of bits");
    }
  }

  TensorType input_type(std::size_t) const override { return {ElementType::bits, planes_}; }
  std::size_t constant_bytes() const override { return values_.size() * sizeof(float); }

  Shape infer(std::span<const Shape> inputs) const override {
    if (inputs[0].rank() < 1) bad_shape("a packed tensor needs a channel axis");
    return inputs[0];
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const std::int64_t channels = in.shape.back();
    const std::int64_t rows = in.shape.product(0, in.shape.rank() - 1);
    const std::int64_t words = words_for(channels);
    const auto* plane = in.as<std::uint64_t>();
    float* out = context.output().as<float>();
    for (std::int64_t row = 0; row < rows; ++row, plane += words) {
      for (std::int64_t c = 0; c < channels; ++c) {
        std::uint64_t code = 0;
        for (int p = 0; p < planes_; ++p) {
          const std::uint64_t word = plane[p * rows * words + c / kWordBits];
          code |= ((word >> (c % kWordBits)) & 1u) << p;
        }
        *out++ = values_[code];
      }
    }
  }

 private:
  int planes_;
  std::vector<float> values_;
};

// Throws unless the intervals are nested.
void check_levels(const std::string& node, const std::vector<Thresholds>& levels) {
  const auto bad_model = [&node](const std::string& what) {
    throw ModelFormatError("node '" + node + "': " + what);
  };
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
  }
}

}  // namespace

BitPlanes level_planes(const std::string& node, const std::vector<Thresholds>& levels,
                       const std::vector<unsigned>& codes, int planes) {
  if (levels.empty() || planes < 1 || planes > kMaxPlanes || codes.size() != levels.size() + 1 ||
      *std::max_element(codes.begin(), codes.end()) >= 1u << planes) {
    throw ModelFormatError("node '" + node + "': " + std::to_string(levels.size()) +
                           " levels with " + std::to_string(codes.size()) + " codes of " +
                           std::to_string(planes) + " bits");
  }
  check_levels(node, levels);
  BitPlanes made;
  made.planes = planes;
  // Levels are nested, so a bit changes at every level whose code differs in it from the one below;
  // those of codes[0] are 1 without any. A test that is not inverted flips its planes at the
  // levels below it instead, which is the same but for a 1 in the lowest code.
  unsigned lowest = codes.front();
  for (std::size_t j = 0; j < levels.size(); ++j) {
    const unsigned changed = codes[j] ^ codes[j + 1];
    if (changed == 0) continue;
    const bool inverted = changed != lowest;
    if (!inverted) lowest = 0;
    made.tests.push_back({{levels[j].lower, levels[j].upper, inverted}, changed});
  }
  if (lowest != 0) {
    constexpr float inf = std::numeric_limits<float>::infinity();
    const std::size_t channels = levels.front().lower.size();
    const std::vector<float> none(channels, inf);
    made.tests.push_back({{none, std::vector<float>(channels, -inf), false}, lowest});
  }
  if (made.tests.empty()) throw ModelFormatError("node '" + node + "': all levels are alike");
  return made;
}

BitPlanes digit_planes(const std::string& node, const std::vector<Thresholds>& levels) {
  std::vector<unsigned> codes;
  for (std::size_t level = 0; level <= levels.size(); ++level) {
    codes.push_back(static_cast<unsigned>(level));
  }
  return level_planes(node, levels, codes, static_cast<int>(std::bit_width(levels.size())));
}

std::unique_ptr<Op> make_bit_planes(const std::string& name, const BitPlanes& planes, bool planar,
                                    bool watch_nan, const KernelSet& kernels) {
  if (planar) return std::make_unique<MakeBitPlanesOfImages>(name, planes, watch_nan, kernels);
  return std::make_unique<MakeBitPlanesOfRows>(name, planes, watch_nan, kernels);
}

std::unique_ptr<Op> make_unpack_planes(const std::string& name, std::vector<float> values) {
  return std::make_unique<UnpackPlanes>(name, std::move(values));
}

}  // namespace bnn
