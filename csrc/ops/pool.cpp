#include "ops/pool.h"

#include <algorithm>

#include "base/bits.h"

namespace bnn {
namespace {

// Walks the windows of a channels-last image, a run of equally clipped ones at a time.
template <class Element>
class WindowPool : public Op {
 public:
  WindowPool(const std::string& name, const Window& window, bool ceil_mode)
      : Op(name), window_(window), ceil_mode_(ceil_mode) {
    const std::string problem = window.problem();
    if (!problem.empty()) bad_model("the window has " + problem);
    for (const WindowAxis* axis : {&window.h, &window.w}) {
      if (axis->pad_begin >= axis->kernel || axis->pad_end >= axis->kernel) {
        bad_model("padding must be smaller than the pooling window");
      }
    }
  }

  TensorType input_type(std::size_t) const override { return kType; }
  TensorType output_type(std::size_t) const override { return kType; }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() != 4) bad_shape("expected an image [N, H, W, C], got " + in.text());
    const Shape out{in[0], window_.h.output_extent(in[1], ceil_mode_),
                    window_.w.output_extent(in[2], ceil_mode_), in[3]};
    if (out[1] < 1 || out[2] < 1) bad_shape("the window does not fit into " + in.text());
    for (const auto& [axis, extent, count] :
         {std::tuple(&window_.h, in[1], out[1]), std::tuple(&window_.w, in[2], out[2])}) {
      // Only windows at the ends can be empty (dilated taps may all miss a tiny image).
      for (const std::int64_t o : {std::int64_t{0}, count - 1}) {
        const WindowAxis::Taps taps = axis->real_taps(o, extent);
        if (taps.first == taps.last) bad_shape("a pooling window holds no pixel of " + in.text());
      }
    }
    return out;
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    return static_cast<std::size_t>(infer(inputs)[2]) * sizeof(PixelRun) +
           static_cast<std::size_t>(window_.taps()) * sizeof(const Element*);
  }

  double cycles(std::span<const Shape>, const Shape& output) const override {
    const std::int64_t elements = output.product(0, 3) * pixel_unit(output[3]);
    return static_cast<double>(elements * window_.taps()) / 2.0;
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const Shape& out = context.output().shape;
    auto* runs = reinterpret_cast<PixelRun*>(context.scratch);
    auto* pixels = reinterpret_cast<const Element**>(runs + out[2]);
    const int run_count = pixel_runs(window_.w, in.shape[2], out[2], runs);
    const std::int64_t unit = pixel_unit(in.shape[3]);
    Element* target = context.output().template as<Element>();
    for (std::int64_t n = 0; n < out[0]; ++n) {
      const Element* image = in.as<Element>() + n * in.shape[1] * in.shape[2] * unit;
      for (std::int64_t oy = 0; oy < out[1]; ++oy) {
        const WindowAxis::Taps rows = window_.h.real_taps(oy, in.shape[1]);
        for (int r = 0; r < run_count; ++r) {
          const PixelRun& run = runs[r];
          int count = 0;
          for (std::int64_t y = rows.first; y < rows.last; ++y) {
            const Element* line = image + window_.h.position(oy, y) * in.shape[2] * unit;
            for (std::int64_t x = run.taps.first; x < run.taps.last; ++x) {
              pixels[count++] = line + window_.w.position(run.first, x) * unit;
            }
          }
          reduce(pixels, count, window_.w.stride * unit, run, unit, in.shape, oy, target);
          target += (run.last - run.first) * unit;
        }
      }
    }
  }

 protected:
  // Output pixels `run` of row oy: `pixels` are the `count` input pixels under the first one's
  // window, those of the next lie `stride` further.
  virtual void reduce(const Element* const* pixels, int count, std::int64_t stride,
                      const PixelRun& run, std::int64_t unit, const Shape& input, std::int64_t oy,
                      Element* target) const = 0;

  const Window& window() const { return window_; }

 private:
  static constexpr ElementType kType =
      std::is_same_v<Element, float> ? ElementType::f32 : ElementType::bits;
  static std::int64_t pixel_unit(std::int64_t channels) {
    return kType == ElementType::f32 ? channels : words_for(channels);
  }
  Window window_;
  bool ceil_mode_;
};

class MaxPoolF32 final : public WindowPool<float> {
 public:
  MaxPoolF32(const std::string& name, const Window& window, bool ceil_mode, const KernelSet& set)
      : WindowPool(name, window, ceil_mode), variant_(set.pool_max_f32) {}
  std::string kernel() const override { return variant_.name(); }

 protected:
  void reduce(const float* const* pixels, int count, std::int64_t stride, const PixelRun& run,
              std::int64_t unit, const Shape&, std::int64_t, float* target) const override {
    variant_.run(pixels, count, stride, run.last - run.first, unit, target);
  }

 private:
  Variant<PoolF32Fn> variant_;
};

class MaxPoolBits final : public WindowPool<std::uint64_t> {
 public:
  MaxPoolBits(const std::string& name, const Window& window, bool ceil_mode, const KernelSet& set)
      : WindowPool(name, window, ceil_mode), variant_(set.pool_and_bits) {}
  std::string kernel() const override { return variant_.name(); }

 protected:
  void reduce(const std::uint64_t* const* pixels, int count, std::int64_t stride,
              const PixelRun& run, std::int64_t unit, const Shape&, std::int64_t,
              std::uint64_t* target) const override {
    variant_.run(pixels, count, stride, run.last - run.first, unit, target);
  }

 private:
  Variant<PoolBitsFn> variant_;
};

class AveragePoolF32 final : public WindowPool<float> {
 public:
  AveragePoolF32(const std::string& name, const Window& window, bool ceil_mode,
                 bool count_include_pad, const KernelSet& set)
      : WindowPool(name, window, ceil_mode),
        variant_(set.pool_sum_f32),
        count_include_pad_(count_include_pad) {}
  std::string kernel() const override { return variant_.name(); }

 protected:
  void reduce(const float* const* pixels, int count, std::int64_t stride, const PixelRun& run,
              std::int64_t unit, const Shape& input, std::int64_t oy,
              float* target) const override {
    variant_.run(pixels, count, stride, run.last - run.first, unit, target);
    for (std::int64_t ox = run.first; ox < run.last; ++ox, target += unit) {
      const std::int64_t cells = count_include_pad_ ? padded_taps(window().h, oy, input[1]) *
                                                          padded_taps(window().w, ox, input[2])
                                                    : count;
      const float divisor = static_cast<float>(cells);
      for (std::int64_t c = 0; c < unit; ++c) target[c] /= divisor;
    }
  }

 private:
  // Taps of output pixel `o` inside the padded extent: a ceil-mode window may stick out behind it,
  // and that part never counts.
  static std::int64_t padded_taps(const WindowAxis& axis, std::int64_t o, std::int64_t extent) {
    const std::int64_t room = extent + axis.pad_end - axis.position(o, 0);
    return std::min(axis.kernel, (room + axis.dilation - 1) / axis.dilation);
  }

  Variant<PoolF32Fn> variant_;
  bool count_include_pad_;
};

class GlobalAveragePoolF32 final : public Op {
 public:
  GlobalAveragePoolF32(const std::string& name, const KernelSet& set)
      : Op(name), variant_(set.pool_sum_f32) {}
  std::string kernel() const override { return variant_.name(); }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() != 4 || in.product(1, 3) < 1) {
      bad_shape("expected a non-empty image [N, H, W, C], got " + in.text());
    }
    return Shape{in[0], 1, 1, in[3]};
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    return static_cast<std::size_t>(inputs[0].product(1, 3)) * sizeof(const float*);
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    auto* pixels = reinterpret_cast<const float**>(context.scratch);
    const std::int64_t count = in.shape.product(1, 3);
    const std::int64_t channels = in.shape[3];
    float* target = context.output().as<float>();
    for (std::int64_t n = 0; n < in.shape[0]; ++n) {
      for (std::int64_t i = 0; i < count; ++i) {
        pixels[i] = in.as<float>() + (n * count + i) * channels;
      }
      variant_.run(pixels, static_cast<int>(count), 0, 1, channels, target);
      for (std::int64_t c = 0; c < channels; ++c) target[c] /= static_cast<float>(count);
      target += channels;
    }
  }

 private:
  Variant<PoolF32Fn> variant_;
};

}  // namespace

std::unique_ptr<Op> make_max_pool_f32(const std::string& name, const Window& window, bool ceil_mode,
                                      const KernelSet& kernels) {
  return std::make_unique<MaxPoolF32>(name, window, ceil_mode, kernels);
}
std::unique_ptr<Op> make_max_pool_bits(const std::string& name, const Window& window,
                                       bool ceil_mode, const KernelSet& kernels) {
  return std::make_unique<MaxPoolBits>(name, window, ceil_mode, kernels);
}
std::unique_ptr<Op> make_average_pool_f32(const std::string& name, const Window& window,
                                          bool ceil_mode, bool count_include_pad,
                                          const KernelSet& kernels) {
  return std::make_unique<AveragePoolF32>(name, window, ceil_mode, count_include_pad, kernels);
}
std::unique_ptr<Op> make_global_average_pool_f32(const std::string& name,
                                                 const KernelSet& kernels) {
  return std::make_unique<GlobalAveragePoolF32>(name, kernels);
}

}  // namespace bnn
