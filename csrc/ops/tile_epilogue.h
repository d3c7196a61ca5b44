// The epilogue of a layer on one tile of accumulators: float steps, interval thresholds packed to
// bits, or both, one after the other while the tile is in L1.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/kernel_set.h"
#include "ops/epilogue_operands.h"
#include "ops/op.h"

namespace bnn {

// Output channels [first, first + count).
struct ChannelRange {
  std::int64_t first;
  std::int64_t count;
};

template <class Acc>
class TileEpilogue {
  static constexpr bool kInteger = std::is_same_v<Acc, std::int32_t>;
  using BinarizeFn = std::conditional_t<kInteger, BinarizeI32Fn, BinarizeF32Fn>;
  using StoreFn = std::conditional_t<kInteger, EpilogueI32Fn, EpilogueF32Fn>;

 public:
  // Throws ModelFormatError where the epilogue does not fit the layer.
  TileEpilogue(const DotLayerSpec& spec, const Epilogue& epilogue, const KernelSet& kernels)
      : name_(spec.name), outputs_(spec.outputs), binarize_floats_(kernels.binarize_f32.run) {
    if constexpr (kInteger) {
      binarize_ = kernels.binarize_i32.run;
      apply_ = kernels.epilogue_i32.run;
    } else {
      binarize_ = kernels.binarize_f32.run;
      apply_ = kernels.epilogue_f32.run;
    }
    if (const auto* thresholds = std::get_if<Thresholds>(&epilogue)) {
      form_ = Form::thresholds;
      test_ = make_test(spec, *thresholds);
      return;
    }
    if (const auto* planes = std::get_if<BitPlanes>(&epilogue)) {
      form_ = Form::planes;
      plane_count_ = planes->planes;
      if (plane_count_ < 1 || plane_count_ > kMaxPlanes) {
        bad_model(std::to_string(plane_count_) + " planes of bits");
      }
      for (const BitPlanes::Test& test : planes->tests) {
        plane_tests_.push_back(make_test(spec, test.interval));
        plane_masks_.push_back(test.planes);
      }
      return;
    }
    const auto& floats = std::get<FloatEpilogue>(epilogue);
    set_steps(spec, floats);
    if (floats.thresholds) {
      check_thresholds(spec, *floats.thresholds);
      form_ = floats.keep_floats ? Form::floats_and_bits : Form::floats_to_bits;
      test_.inverted = floats.thresholds->inverted;
      float_lower_ = blocked_operand(floats.thresholds->lower, spec.groups);
      float_upper_ = blocked_operand(floats.thresholds->upper, spec.groups);
    } else if (!floats.keep_floats) {
      bad_model("an epilogue gives neither floats nor bits");
    }
  }

  // The tensors that the steps add are the last inputs of the layer's op.
  std::size_t residual_count() const { return residual_count_; }

  // Floats before bits, where the layer gives both.
  std::size_t output_count() const { return form_ == Form::floats_and_bits ? 2 : 1; }
  TensorType output_type(std::size_t index) const {
    if (form_ == Form::floats || (form_ == Form::floats_and_bits && index == 0)) {
      return ElementType::f32;
    }
    return {ElementType::bits, plane_count_};
  }

  // Throws ShapeError unless what the steps add has the output's shape.
  void check_residuals(std::span<const Shape> inputs, const Shape& output) const {
    for (std::size_t i = inputs.size() - residual_count_; i < inputs.size(); ++i) {
      if (inputs[i] == output) continue;
      throw ShapeError("node '" + name_ + "': adds a tensor of shape " + inputs[i].text() +
                       " to one of shape " + output.text());
    }
  }

  // True when floats that depend on the tile alone are all there is.
  bool only_floats() const { return form_ == Form::floats && residual_count_ == 0; }

  // Whether the floats are accumulators, times a scale, plus a shift (either may be missing) and
  // nothing else; both [channels padded to 16], null where missing.
  struct Affine {
    const float* scale = nullptr;
    const float* shift = nullptr;
  };
  std::optional<Affine> affine() const {
    const bool scales = !kinds_.empty() && kinds_.front() == EpilogueKind::mul;
    const bool shifts = !kinds_.empty() && kinds_.back() == EpilogueKind::add;
    if (!only_floats() || kinds_.size() != std::size_t{scales} + std::size_t{shifts}) return {};
    return Affine{scales ? operands_.front().data() : nullptr,
                  shifts ? operands_.back().data() : nullptr};
  }

  // True when thresholds act on the bare accumulators.
  bool to_bits() const { return form_ == Form::thresholds; }
  bool inverted() const { return test_.inverted; }
  // Those thresholds, [groups][channels of a group padded to 16].
  const AlignedArray<Acc>& lower() const { return test_.lower; }
  const AlignedArray<Acc>& upper() const { return test_.upper; }
  // Frees them, for a layer whose kernel has its own form of them; no store() after that.
  void release_thresholds() {
    test_.lower = {};
    test_.upper = {};
  }

  std::size_t bytes() const {
    std::size_t total = test_.bytes() + float_lower_.bytes() + float_upper_.bytes();
    for (const Test& test : plane_tests_) total += test.bytes();
    for (const AlignedArray<float>& operand : operands_) total += operand.bytes();
    return total;
  }

  // Elements of the first output (bytes of packed bits, or floats) from one pixel to the next.
  std::int64_t pixel_elements() const {
    return output_type(0).element == ElementType::bits ? bit_pixel_bytes() : outputs_;
  }

  // store() writes whole bytes of real channels only; the rest of a packed pixel's last word is 0.
  // One pass over the tensor beats a call per pixel.
  void clear_tail_bits(const OpContext& context) const {
    if (form_ == Form::floats || (outputs_ + 7) / 8 == bit_pixel_bytes()) return;
    TensorView& out = bits_output(context);
    std::memset(out.data, 0, tensor_bytes({ElementType::bits, plane_count_}, out.shape));
  }

  // Stores `rows` rows of accumulators as the output pixels pixel, pixel + step, …; may overwrite
  // them. operand: index of the first channel in blocked operands, a multiple of 16.
  void store(const OpContext& context, Acc* acc, std::ptrdiff_t acc_stride, int rows,
             ChannelRange channels, std::int64_t operand, std::int64_t pixel,
             std::int64_t step) const {
    if (form_ == Form::thresholds) {
      test_.run(binarize_, acc, acc_stride, rows, channels.count, operand,
                bits_at(context, channels, pixel), step * bit_pixel_bytes());
      return;
    }
    if (form_ == Form::planes) {
      store_planes(context, acc, acc_stride, rows, channels, operand, pixel, step);
      return;
    }
    // Floats that only the thresholds read take the place of their accumulators.
    float* floats = reinterpret_cast<float*>(acc);
    std::ptrdiff_t stride = acc_stride;
    if (form_ != Form::floats_to_bits) {
      floats = context.output().template as<float>() + pixel * outputs_ + channels.first;
      stride = step * outputs_;
    }
    const int count = static_cast<int>(kinds_.size());
    const EpilogueStep* steps =
        steps_.data() + static_cast<std::size_t>(operand / kOperandBlock) * kinds_.size();
    if (residual_count_ == 0) {
      apply_(acc, acc_stride, rows, channels.count, steps, count, floats, stride);
    } else {
      std::array<EpilogueStep, kMaxEpilogueSteps> bound;
      std::size_t input = context.input_ids.size() - residual_count_;
      for (std::size_t s = 0; s < kinds_.size(); ++s) {
        bound[s] = steps[s];
        if (kinds_[s] != EpilogueKind::add_rows) continue;
        bound[s].operand = context.input(static_cast<int>(input++)).template as<float>() +
                           pixel * outputs_ + channels.first;
        bound[s].row_stride = step * outputs_;
      }
      apply_(acc, acc_stride, rows, channels.count, bound.data(), count, floats, stride);
    }
    if (form_ == Form::floats) return;
    binarize_floats_(floats, stride, rows, channels.count, float_lower_.data() + operand,
                     float_upper_.data() + operand, test_.inverted,
                     bits_at(context, channels, pixel), step * bit_pixel_bytes());
  }

  // Stores rows of accumulators as any output pixels, as many at once as lie at equal distances.
  // offsets: pixel · pixel_elements() of each row.
  void store_rows(const OpContext& context, Acc* acc, std::ptrdiff_t acc_stride,
                  std::ptrdiff_t rows, ChannelRange channels, std::int64_t operand,
                  const std::ptrdiff_t* offsets) const {
    const std::int64_t elements = pixel_elements();
    std::ptrdiff_t first = 0;
    while (first < rows) {
      const std::ptrdiff_t step = first + 1 < rows ? offsets[first + 1] - offsets[first] : elements;
      std::ptrdiff_t last = first + 1;
      while (last < rows && offsets[last] - offsets[last - 1] == step) ++last;
      store(context, acc + first * acc_stride, acc_stride, static_cast<int>(last - first), channels,
            operand, offsets[first] / elements, step / elements);
      first = last;
    }
  }

 private:
  enum class Form : std::uint8_t {
    thresholds,       // on the accumulators
    planes,           // several tests of the accumulators
    floats,           // steps
    floats_and_bits,  // steps, then thresholds on their result
    floats_to_bits,   // the same, but only the bits are stored
  };

  // One interval per channel, [groups][channels of a group padded to 16].
  struct Test {
    AlignedArray<Acc> lower;
    AlignedArray<Acc> upper;
    bool inverted = false;

    std::size_t bytes() const { return lower.bytes() + upper.bytes(); }
    void run(BinarizeFn binarize, const Acc* acc, std::ptrdiff_t acc_stride, int rows,
             std::int64_t channels, std::int64_t operand, std::uint8_t* out,
             std::ptrdiff_t out_stride) const {
      binarize(acc, acc_stride, rows, channels, lower.data() + operand, upper.data() + operand,
               inverted, out, out_stride);
    }
  };

  Test make_test(const DotLayerSpec& spec, const Thresholds& thresholds) const {
    check_thresholds(spec, thresholds);
    std::vector<Acc> lower(thresholds.lower.size());
    std::vector<Acc> upper(thresholds.upper.size());
    for (std::size_t c = 0; c < lower.size(); ++c) {
      const Interval<Acc> inside = interval_of<Acc>(thresholds.lower[c], thresholds.upper[c]);
      lower[c] = inside.lower;
      upper[c] = inside.upper;
    }
    return {blocked_operand(lower, spec.groups), blocked_operand(upper, spec.groups),
            thresholds.inverted};
  }

  // The planes of a tile are put together here, so that what the output held does not matter.
  void store_planes(const OpContext& context, const Acc* acc, std::ptrdiff_t acc_stride, int rows,
                    ChannelRange channels, std::int64_t operand, std::int64_t pixel,
                    std::int64_t step) const {
    constexpr std::size_t kRowBytes = kMaxVectors * 16 / 8;
    std::array<std::uint8_t, kMaxRows * kRowBytes> test;
    std::array<std::array<std::uint8_t, kMaxRows * kRowBytes>, kMaxPlanes> planes{};
    test.fill(0);
    for (std::size_t t = 0; t < plane_tests_.size(); ++t) {
      plane_tests_[t].run(binarize_, acc, acc_stride, rows, channels.count, operand, test.data(),
                          kRowBytes);
      for (std::size_t p = 0; p < static_cast<std::size_t>(plane_count_); ++p) {
        if (((plane_masks_[t] >> p) & 1u) == 0) continue;
        for (std::size_t i = 0; i < static_cast<std::size_t>(rows) * kRowBytes; ++i) {
          planes[p][i] = static_cast<std::uint8_t>(planes[p][i] ^ test[i]);
        }
      }
    }
    TensorView& out = bits_output(context);
    const std::size_t bytes = static_cast<std::size_t>((channels.count + 7) / 8);
    std::uint8_t* target = bits_at(context, channels, pixel);
    for (std::size_t p = 0; p < static_cast<std::size_t>(plane_count_); ++p) {
      for (int r = 0; r < rows; ++r) {
        std::memcpy(target + r * step * bit_pixel_bytes(),
                    planes[p].data() + static_cast<std::size_t>(r) * kRowBytes, bytes);
      }
      target += tensor_bytes(ElementType::bits, out.shape);
    }
    out.has_zeros = true;  // for all that is known
  }

  [[noreturn]] void bad_model(const std::string& what) const {
    throw ModelFormatError("node '" + name_ + "': " + what);
  }

  void check_thresholds(const DotLayerSpec& spec, const Thresholds& thresholds) const {
    // Bits are stored in whole bytes, group by group.
    if (spec.groups != 1 && outputs_ / spec.groups % 8 != 0) {
      bad_model("thresholds after groups of " + std::to_string(outputs_ / spec.groups) +
                " output channels, which are no whole bytes");
    }
    const std::string problem = threshold_problem(thresholds, static_cast<std::size_t>(outputs_));
    if (!problem.empty()) bad_model(problem);
  }

  void set_steps(const DotLayerSpec& spec, const FloatEpilogue& floats) {
    if (floats.steps.size() > kMaxEpilogueSteps) {
      bad_model("an epilogue has more than " + std::to_string(kMaxEpilogueSteps) + " steps");
    }
    for (const FloatEpilogue::Step& step : floats.steps) {
      const bool residual = step.kind == EpilogueKind::add_rows;
      const std::int64_t wanted = residual ? 0 : outputs_;
      if (static_cast<std::int64_t>(step.operand.size()) != wanted) {
        bad_model("an epilogue operand has " + std::to_string(step.operand.size()) +
                  " elements instead of " + std::to_string(wanted));
      }
      residual_count_ += residual;
      operands_.push_back(residual ? AlignedArray<float>{}
                                   : blocked_operand(step.operand, spec.groups));
      kinds_.push_back(step.kind);
    }
    // One list of steps per vector of operands, so that store() only points at it.
    const std::int64_t padded = round_up(outputs_ / spec.groups, kOperandBlock) * spec.groups;
    for (std::int64_t c = 0; c < padded; c += kOperandBlock) {
      for (std::size_t s = 0; s < kinds_.size(); ++s) {
        const bool residual = kinds_[s] == EpilogueKind::add_rows;
        steps_.push_back({kinds_[s], residual ? nullptr : operands_[s].data() + c});
      }
    }
  }

  std::int64_t bit_pixel_bytes() const { return words_for(outputs_) * kWordBytes; }
  TensorView& bits_output(const OpContext& context) const {
    return context.output(static_cast<int>(output_count()) - 1);
  }
  std::uint8_t* bits_at(const OpContext& context, ChannelRange channels, std::int64_t pixel) const {
    return bits_output(context).template as<std::uint8_t>() + pixel * bit_pixel_bytes() +
           channels.first / 8;
  }

  std::string name_;
  std::int64_t outputs_;
  BinarizeFn binarize_;
  BinarizeF32Fn binarize_floats_;
  StoreFn apply_;
  Form form_ = Form::floats;
  Test test_;  // of the accumulators, or of the floats (which have bounds of their own)
  int plane_count_ = 1;
  std::vector<Test> plane_tests_;
  std::vector<unsigned> plane_masks_;
  AlignedArray<float> float_lower_;
  AlignedArray<float> float_upper_;
  std::vector<AlignedArray<float>> operands_;
  std::vector<EpilogueKind> kinds_;
  std::vector<EpilogueStep> steps_;  // [vectors of operands][kinds]
  std::size_t residual_count_ = 0;
};

}  // namespace bnn
