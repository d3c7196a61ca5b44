#include "ops/pool.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "base/bits.h"
#include "ops/scratch.h"

namespace bnn {
namespace {

// Walks the windows of channels-last images, a run of equally clipped ones at a time.
template <class Element>
class WindowPool : public Op {
 public:
  WindowPool(const std::string& name, const PoolWindow& pool) : Op(name), pool_(pool) {
    const std::string problem = pool.window.problem();
    if (!problem.empty()) bad_model("the window has " + problem);
    if (pool.spatial_axes != 2 && pool.spatial_axes != 3) {
      bad_model("pooling over " + std::to_string(pool.spatial_axes) + " axes");
    }
    for (const WindowAxis* axis : {&window().d, &window().h, &window().w}) {
      if (axis->pad_begin >= axis->kernel || axis->pad_end >= axis->kernel) {
        bad_model("padding must be smaller than the pooling window");
      }
    }
  }

  TensorType input_type(std::size_t) const override { return kType; }
  TensorType output_type(std::size_t) const override { return kType; }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() != pool_.spatial_axes + 2) bad_shape("expected an image, got " + in.text());
    Shape out = in;
    for (int axis = 1; axis <= pool_.spatial_axes; ++axis) {
      const WindowAxis& along = window_axis(axis);
      out[axis] = along.output_extent(in[axis], pool_.ceil_mode);
      if (out[axis] < 1) bad_shape("the window does not fit into " + in.text());
      // Only windows at the ends can be empty (dilated taps may all miss a tiny image).
      for (const std::int64_t o : {std::int64_t{0}, out[axis] - 1}) {
        const WindowAxis::Taps taps = along.real_taps(o, in[axis]);
        if (taps.first == taps.last) bad_shape("a pooling window holds no pixel of " + in.text());
      }
    }
    return out;
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    return Scratch::bytes<PixelRun>(ImageExtents(infer(inputs)).width) +
           Scratch::bytes<const Element*>(window().taps());
  }

  double cycles(std::span<const Shape>, const Shape& output) const override {
    const std::int64_t elements = output.product(0, output.rank() - 1) * pixel_unit(output.back());
    return static_cast<double>(elements * window().taps()) / 2.0;
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    const ImageExtents from(in.shape);
    const ImageExtents to(context.output().shape);
    Scratch scratch(context.scratch);
    auto* runs = scratch.take<PixelRun>(to.width);
    auto* pixels = scratch.take<const Element*>(window().taps());
    const std::int64_t unit = pixel_unit(in.shape.back());
    const std::int64_t row = from.width * unit;
    const std::int64_t plane = from.height * row;
    Element* out = context.output().template as<Element>();
    for_pixel_runs(
        window(), from, to, unit, runs,
        [&](const WindowTaps& taps, std::int64_t origin, std::int64_t count, std::int64_t pixel) {
          const Element* first = in.as<Element>() + origin;
          int seen = 0;
          for (std::int64_t z = 0; z < taps.d.last - taps.d.first; ++z) {
            for (std::int64_t y = 0; y < taps.h.last - taps.h.first; ++y) {
              for (std::int64_t x = 0; x < taps.w.last - taps.w.first; ++x) {
                pixels[seen++] = first + z * window().d.dilation * plane +
                                 y * window().h.dilation * row + x * window().w.dilation * unit;
              }
            }
          }
          const Run run{pixels, seen, window().w.stride * unit, count, unit};
          reduce(run, out + pixel * unit);
          finish(run, from, to, pixel, out + pixel * unit);
        });
  }

 protected:
  // Neighbouring output pixels: `inputs` are the `taps` input pixels under the first one's window,
  // those of the next lie `stride` further.
  struct Run {
    const Element* const* inputs;
    int taps;
    std::int64_t stride;
    std::int64_t pixels;
    std::int64_t unit;
  };
  virtual void reduce(const Run& run, Element* out) const = 0;
  // What is left to do with reduced pixels, `pixel` and those behind it of all images.
  virtual void finish(const Run& /*run*/, const ImageExtents& /*from*/, const ImageExtents& /*to*/,
                      std::int64_t /*pixel*/, Element* /*out*/) const {}

  const Window& window() const { return pool_.window; }

 private:
  static constexpr ElementType kType =
      std::is_same_v<Element, float> ? ElementType::f32 : ElementType::bits;
  static std::int64_t pixel_unit(std::int64_t channels) {
    return kType == ElementType::f32 ? channels : words_for(channels);
  }
  const WindowAxis& window_axis(int axis) const {
    const WindowAxis* all[] = {&window().d, &window().h, &window().w};
    return *all[2 - pool_.spatial_axes + axis];
  }
  PoolWindow pool_;
};

// A reduction that one kernel does.
template <class Element, class KernelFn>
class KernelPool : public WindowPool<Element> {
 public:
  KernelPool(const std::string& name, const PoolWindow& pool, const Variant<KernelFn>& variant)
      : WindowPool<Element>(name, pool), variant_(variant) {}
  std::string kernel() const override { return variant_.name(); }

 protected:
  using typename WindowPool<Element>::Run;
  void reduce(const Run& run, Element* out) const override {
    variant_.run(run.inputs, run.taps, run.stride, run.pixels, run.unit, out);
  }

 private:
  Variant<KernelFn> variant_;
};

// The maximum of planes of bits, a word of channels at once.
class PlanesMaxPool final : public WindowPool<std::uint64_t> {
 public:
  PlanesMaxPool(const std::string& name, const PoolWindow& pool, const InputCode& code)
      : WindowPool(name, pool), code_(code) {
    if (const std::string problem = code.problem(); !problem.empty()) bad_model(problem);
  }
  TensorType input_type(std::size_t) const override { return code_.type(); }
  TensorType output_type(std::size_t) const override { return code_.type(); }
  void run(const OpContext& context) const override {
    WindowPool::run(context);
    context.output().has_zeros = context.input(0).has_zeros;
  }

 protected:
  void reduce(const Run&, std::uint64_t*) const override {}

  // The extents tell how far planes lie apart.
  void finish(const Run& run, const ImageExtents& from, const ImageExtents& to, std::int64_t,
              std::uint64_t* out) const override {
    const auto words = [&run](const ImageExtents& extents) {
      return extents.images * extents.depth * extents.height * extents.width * run.unit;
    };
    const std::int64_t in_plane = words(from);
    const std::int64_t out_plane = words(to);
    for (std::int64_t i = 0; i < run.pixels; ++i) {
      for (std::int64_t w = 0; w < run.unit; ++w) {
        Planes best = read(run.inputs[0] + i * run.stride + w, in_plane);
        for (int t = 1; t < run.taps; ++t) {
          const Planes next = read(run.inputs[t] + i * run.stride + w, in_plane);
          best = code_.ternary ? ternary_max(best, next) : digits_max(best, next);
        }
        for (int p = 0; p < planes(); ++p) out[p * out_plane + i * run.unit + w] = best[index(p)];
      }
    }
  }

 private:
  using Planes = std::array<std::uint64_t, kMaxPlanes>;
  static std::size_t index(int plane) { return static_cast<std::size_t>(plane); }
  int planes() const { return code_.type().planes; }

  Planes read(const std::uint64_t* word, std::int64_t plane) const {
    Planes made{};
    for (int p = 0; p < planes(); ++p) made[index(p)] = word[p * plane];
    return made;
  }

  // The first plane, from the highest on, in which two levels differ tells which one is greater.
  Planes digits_max(const Planes& a, const Planes& b) const {
    std::uint64_t equal = ~std::uint64_t{0};
    std::uint64_t less = 0;  // a < b
    for (int p = planes(); p-- > 0;) {
      const std::uint64_t differ = a[index(p)] ^ b[index(p)];
      less |= equal & differ & b[index(p)];
      equal &= ~differ;
    }
    Planes made{};
    for (int p = 0; p < planes(); ++p) {
      made[index(p)] = (a[index(p)] & ~less) | (b[index(p)] & less);
    }
    return made;
  }

  // +1 where one is +1; −1 where both are; the planes are signs and a mask of what is not 0.
  static Planes ternary_max(const Planes& a, const Planes& b) {
    const std::uint64_t plus = (a[1] & ~a[0]) | (b[1] & ~b[0]);
    const std::uint64_t minus = a[1] & a[0] & b[1] & b[0];
    return {minus, plus | minus};
  }

  InputCode code_;
};

class AveragePool final : public KernelPool<float, PoolF32Fn> {
 public:
  AveragePool(const std::string& name, const PoolWindow& pool, bool count_include_pad,
              const KernelSet& set)
      : KernelPool(name, pool, set.pool_sum_f32), count_include_pad_(count_include_pad) {}

 protected:
  void finish(const Run& run, const ImageExtents& from, const ImageExtents& to, std::int64_t pixel,
              float* out) const override {
    const std::int64_t line = pixel / to.width;
    const std::int64_t plane = line / to.height;
    const std::int64_t cells = padded_taps(window().d, plane % to.depth, from.depth) *
                               padded_taps(window().h, line % to.height, from.height);
    for (std::int64_t i = 0; i < run.pixels; ++i, out += run.unit) {
      const std::int64_t x = pixel % to.width + i;
      const auto divisor = static_cast<float>(
          count_include_pad_ ? cells * padded_taps(window().w, x, from.width) : run.taps);
      for (std::int64_t c = 0; c < run.unit; ++c) out[c] /= divisor;
    }
  }

 private:
  // Taps of output pixel `o` inside the padded extent: a ceil-mode window may stick out behind it,
  // and that part never counts.
  static std::int64_t padded_taps(const WindowAxis& axis, std::int64_t o, std::int64_t extent) {
    const std::int64_t room = extent + axis.pad_end - axis.position(o, 0);
    return std::min(axis.kernel, (room + axis.dilation - 1) / axis.dilation);
  }

  bool count_include_pad_;
};

// (Σ |x|^p)^(1/p); padding adds nothing.
class LpPool final : public WindowPool<float> {
 public:
  LpPool(const std::string& name, const PoolWindow& pool, std::int64_t p)
      : WindowPool(name, pool), p_(static_cast<double>(p)) {
    if (p < 1) bad_model("a norm of order " + std::to_string(p));
  }

 protected:
  void reduce(const Run& run, float* out) const override {
    for (std::int64_t i = 0; i < run.pixels; ++i) {
      for (std::int64_t c = 0; c < run.unit; ++c) {
        double sum = 0;
        for (int t = 0; t < run.taps; ++t) {
          const double element = std::abs(run.inputs[t][i * run.stride + c]);
          sum += p_ == 1 ? element : p_ == 2 ? element * element : std::pow(element, p_);
        }
        *out++ = static_cast<float>(p_ == 1   ? sum
                                    : p_ == 2 ? std::sqrt(sum)
                                              : std::pow(sum, 1 / p_));
      }
    }
  }

 private:
  double p_;
};

// One window that is the whole image.
class GlobalPool final : public Op {
 public:
  GlobalPool(const std::string& name, const Variant<PoolF32Fn>& variant, bool mean)
      : Op(name), variant_(variant), mean_(mean) {}
  std::string kernel() const override { return variant_.name(); }

  Shape infer(std::span<const Shape> inputs) const override {
    Shape out = inputs[0];
    if (out.rank() < 3 || out.product(1, out.rank() - 1) < 1) {
      bad_shape("expected a non-empty image, got " + out.text());
    }
    for (int axis = 1; axis < out.rank() - 1; ++axis) out[axis] = 1;
    return out;
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    return Scratch::bytes<const float*>(inputs[0].product(1, inputs[0].rank() - 1));
  }

  void run(const OpContext& context) const override {
    const TensorView& in = context.input(0);
    auto* pixels = reinterpret_cast<const float**>(context.scratch);
    const std::int64_t count = in.shape.product(1, in.shape.rank() - 1);
    const std::int64_t channels = in.shape.back();
    float* target = context.output().as<float>();
    for (std::int64_t n = 0; n < in.shape[0]; ++n) {
      for (std::int64_t i = 0; i < count; ++i) {
        pixels[i] = in.as<float>() + (n * count + i) * channels;
      }
      variant_.run(pixels, static_cast<int>(count), 0, 1, channels, target);
      for (std::int64_t c = 0; mean_ && c < channels; ++c) target[c] /= static_cast<float>(count);
      target += channels;
    }
  }

 private:
  Variant<PoolF32Fn> variant_;
  bool mean_;
};

}  // namespace

std::unique_ptr<Op> make_max_pool_f32(const std::string& name, const PoolWindow& pool,
                                      const KernelSet& kernels) {
  return std::make_unique<KernelPool<float, PoolF32Fn>>(name, pool, kernels.pool_max_f32);
}
std::unique_ptr<Op> make_max_pool_bits(const std::string& name, const PoolWindow& pool,
                                       const InputCode& code, const KernelSet& kernels) {
  if (code.digits != 0 || code.ternary) return std::make_unique<PlanesMaxPool>(name, pool, code);
  return std::make_unique<KernelPool<std::uint64_t, PoolBitsFn>>(name, pool, kernels.pool_and_bits);
}
std::unique_ptr<Op> make_average_pool_f32(const std::string& name, const PoolWindow& pool,
                                          bool count_include_pad, const KernelSet& kernels) {
  return std::make_unique<AveragePool>(name, pool, count_include_pad, kernels);
}
std::unique_ptr<Op> make_lp_pool_f32(const std::string& name, const PoolWindow& pool,
                                     std::int64_t p) {
  return std::make_unique<LpPool>(name, pool, p);
}
std::unique_ptr<Op> make_global_average_pool_f32(const std::string& name,
                                                 const KernelSet& kernels) {
  return std::make_unique<GlobalPool>(name, kernels.pool_sum_f32, true);
}
std::unique_ptr<Op> make_global_max_pool_f32(const std::string& name, const KernelSet& kernels) {
  return std::make_unique<GlobalPool>(name, kernels.pool_max_f32, false);
}

}  // namespace bnn
