#include "ops/ternary_layer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bits.h"
#include "ops/scratch.h"

namespace bnn {
namespace {

// From this share of pixels with zeros on, one pass under masks beats two.
constexpr double kMostlyZeros = 0.5;

class TernaryLayer final : public Op {
 public:
  TernaryLayer(std::unique_ptr<Op> signs, std::unique_ptr<MaskedLayer> masked,
               const DotLayerSpec& spec)
      : Op(spec.name), signs_(std::move(signs)), masked_(std::move(masked)), spec_(spec) {}

  std::size_t input_count() const override { return masked_->input_count(); }
  TensorType input_type(std::size_t index) const override { return masked_->input_type(index); }
  std::size_t output_count() const override { return masked_->output_count(); }
  TensorType output_type(std::size_t index) const override { return masked_->output_type(index); }
  std::string kernel() const override { return signs_->kernel(); }
  std::size_t constant_bytes() const override {
    return signs_->constant_bytes() + masked_->constant_bytes();
  }
  Shape infer(std::span<const Shape> inputs) const override { return masked_->infer(inputs); }
  double cycles(std::span<const Shape> inputs, const Shape& output) const override {
    return signs_->cycles(inputs, output);
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    const std::size_t layers =
        std::max(signs_->scratch_bytes(inputs), masked_->scratch_bytes(inputs));
    const Shape out = infer(inputs);
    return round_up(layers, kAlignment) +
           Scratch::bytes<std::uint8_t>(out.product(0, out.rank() - 1)) +
           (spec_.dense ? 0 : window_scratch_bytes(ImageExtents(inputs[0]), ImageExtents(out)));
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    if (!in.has_zeros) return signs_->run(context);
    Scratch scratch(context.scratch);
    const Shape& out = context.output().shape;
    const std::int64_t pixels = out.product(0, out.rank() - 1);
    auto* selected = scratch.take<std::uint8_t>(pixels);
    if (spec_.dense) {
      select_rows(in, selected);
    } else {
      select_windows(in, out, scratch, selected);
    }
    const std::int64_t count = std::count(selected, selected + pixels, 1);
    OpContext inner = context;
    inner.scratch = scratch.rest();
    if (static_cast<double>(count) >= kMostlyZeros * static_cast<double>(pixels)) {
      return masked_->run(inner);
    }
    signs_->run(inner);
    masked_->run_selected(inner, selected);
  }

 private:
  static std::size_t window_scratch_bytes(const ImageExtents& from, const ImageExtents& to) {
    return Scratch::bytes<std::uint8_t>(from.width) +
           Scratch::bytes<std::uint8_t>(from.images * from.depth * from.height * to.width);
  }

  // Marks the rows of a matrix that hold a 0.
  void select_rows(const TensorView& in, std::uint8_t* selected) const {
    const std::int64_t rows = in.shape[0];
    const std::int64_t words =
        in.shape.product(1, in.shape.rank() - 1) * words_for(in.shape.back());
    mark_zeros(in.as<std::uint64_t>() + rows * words, rows, words / words_for(in.shape.back()),
               in.shape.back(), selected);
  }

  // out[i]: pixels [i · group, (i + 1) · group) hold a 0; `masks` are those of the pixels.
  static void mark_zeros(const std::uint64_t* masks, std::int64_t count, std::int64_t group,
                         std::int64_t channels, std::uint8_t* out) {
    const std::int64_t words = words_for(channels);
    const std::int64_t tail = channels % kWordBits;
    const std::uint64_t last = tail == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << tail) - 1;
    for (std::int64_t i = 0; i < count; ++i) {
      std::uint64_t zeros = 0;
      for (std::int64_t p = 0; p < group; ++p, masks += words) {
        for (std::int64_t w = 0; w + 1 < words; ++w) zeros |= ~masks[w];
        zeros |= masks[words - 1] ^ last;
      }
      out[i] = zeros != 0;
    }
  }

  // Marks the output pixels whose windows hold a 0: first along each input row, then over the rows
  // and planes of a window.
  void select_windows(const TensorView& in, const Shape& out, Scratch& scratch,
                      std::uint8_t* selected) const {
    const ImageExtents from(in.shape);
    const ImageExtents to(out);
    const Window& window = spec_.window;
    auto* zeros = scratch.take<std::uint8_t>(from.width);
    auto* along = scratch.take<std::uint8_t>(from.images * from.depth * from.height * to.width);
    const std::int64_t rows = from.images * from.depth * from.height;
    const std::int64_t row_words = from.width * words_for(in.shape.back());
    const std::uint64_t* masks = in.as<std::uint64_t>() + rows * row_words;
    for (std::int64_t row = 0; row < rows; ++row) {
      mark_zeros(masks + row * row_words, from.width, 1, in.shape.back(), zeros);
      std::uint8_t* line = along + row * to.width;
      for (std::int64_t x = 0; x < to.width; ++x) {
        const WindowAxis::Taps taps = window.w.real_taps(x, from.width);
        std::uint8_t any = 0;
        for (std::int64_t t = taps.first; t < taps.last; ++t) any |= zeros[window.w.position(x, t)];
        line[x] = any;
      }
    }
    std::uint8_t* target = selected;
    for (std::int64_t n = 0; n < to.images; ++n) {
      for (std::int64_t z = 0; z < to.depth; ++z) {
        const WindowAxis::Taps depth = window.d.real_taps(z, from.depth);
        for (std::int64_t y = 0; y < to.height; ++y, target += to.width) {
          const WindowAxis::Taps height = window.h.real_taps(y, from.height);
          std::memset(target, 0, static_cast<std::size_t>(to.width));
          for (std::int64_t d = depth.first; d < depth.last; ++d) {
            for (std::int64_t h = height.first; h < height.last; ++h) {
              const std::int64_t row = (n * from.depth + window.d.position(z, d)) * from.height +
                                       window.h.position(y, h);
              const std::uint8_t* line = along + row * to.width;
              for (std::int64_t x = 0; x < to.width; ++x) target[x] |= line[x];
            }
          }
        }
      }
    }
  }

  std::unique_ptr<Op> signs_;
  std::unique_ptr<MaskedLayer> masked_;
  DotLayerSpec spec_;
};

}  // namespace

std::unique_ptr<Op> make_ternary_layer(std::unique_ptr<Op> signs,
                                       std::unique_ptr<MaskedLayer> masked,
                                       const DotLayerSpec& spec) {
  return std::make_unique<TernaryLayer>(std::move(signs), std::move(masked), spec);
}

}  // namespace bnn
