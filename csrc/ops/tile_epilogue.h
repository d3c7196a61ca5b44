// The epilogue of a layer on one tile of accumulators: per-channel float steps, or interval
// thresholds packed to bits.
#pragma once

#include <cstring>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "ops/epilogue_operands.h"

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
  TileEpilogue(const DotLayerSpec& spec, const Epilogue& epilogue, BinarizeFn binarize,
               StoreFn apply)
      : outputs_(spec.outputs), binarize_(binarize), apply_(apply) {
    const auto bad_model = [&spec](const std::string& what) {
      throw ModelFormatError("node '" + spec.name + "': " + what);
    };
    const std::size_t channels = static_cast<std::size_t>(spec.outputs);
    if (const auto* thresholds = std::get_if<Thresholds>(&epilogue)) {
      to_bits_ = true;
      inverted_ = thresholds->inverted;
      if (spec.groups != 1) bad_model("thresholds after a grouped convolution");
      if (thresholds->lower.size() != channels || thresholds->upper.size() != channels) {
        bad_model("thresholds must have one lower and one upper bound per output channel");
      }
      std::vector<Acc> lower(channels);
      std::vector<Acc> upper(channels);
      for (std::size_t c = 0; c < channels; ++c) {
        const float low = thresholds->lower[c];
        const float high = thresholds->upper[c];
        if (low != low || high != high) bad_model("a threshold is NaN");
        if constexpr (kInteger) {
          std::tie(lower[c], upper[c]) = integer_interval(low, high);
        } else {
          lower[c] = low;
          upper[c] = high;
        }
      }
      lower_ = blocked_operand(lower, 1);
      upper_ = blocked_operand(upper, 1);
      return;
    }
    for (const FloatEpilogue::Step& step : std::get<FloatEpilogue>(epilogue).steps) {
      if (step.operand.size() != channels) {
        bad_model("an epilogue operand has " + std::to_string(step.operand.size()) +
                  " elements for " + std::to_string(channels) + " output channels");
      }
      operands_.push_back(blocked_operand(step.operand, spec.groups));
      kinds_.push_back(step.kind);
    }
    // One list of steps per vector of operands, so that store() only points at it.
    const std::int64_t padded = round_up(spec.outputs / spec.groups, kOperandBlock) * spec.groups;
    for (std::int64_t c = 0; c < padded; c += kOperandBlock) {
      for (std::size_t s = 0; s < kinds_.size(); ++s) {
        steps_.push_back({kinds_[s], operands_[s].data() + c});
      }
    }
  }

  bool to_bits() const { return to_bits_; }
  bool inverted() const { return inverted_; }
  // The thresholds, [channels padded to 16].
  const AlignedArray<Acc>& lower() const { return lower_; }
  const AlignedArray<Acc>& upper() const { return upper_; }
  // Frees the thresholds, for a layer whose kernel has its own form of them; no store() after that.
  void release_thresholds() {
    lower_ = {};
    upper_ = {};
  }

  std::size_t bytes() const {
    std::size_t total = lower_.bytes() + upper_.bytes();
    for (const AlignedArray<float>& operand : operands_) total += operand.bytes();
    return total;
  }

  // Elements of the output (bytes of packed bits, or floats) from one pixel to the next.
  std::int64_t pixel_elements() const {
    return to_bits_ ? words_for(outputs_) * kWordBytes : outputs_;
  }

  // store() writes whole bytes of real channels only; the rest of a packed pixel's last word is 0.
  // One pass over the tensor beats a call per pixel.
  void clear_tail_bits(TensorView& out) const {
    if (!to_bits_ || (outputs_ + 7) / 8 == words_for(outputs_) * kWordBytes) return;
    std::memset(out.data, 0, tensor_bytes(ElementType::bits, out.shape));
  }

  // Stores `rows` rows of accumulators as the output pixels pixel, pixel + step, …
  // operand: index of the first channel in blocked operands, a multiple of 16.
  void store(TensorView& out, const Acc* acc, std::ptrdiff_t acc_stride, int rows,
             ChannelRange channels, std::int64_t operand, std::int64_t pixel,
             std::int64_t step) const {
    const std::int64_t stride = pixel_elements();
    if (to_bits_) {
      binarize_(acc, acc_stride, rows, channels.count, lower_.data() + operand,
                upper_.data() + operand, inverted_,
                out.as<std::uint8_t>() + pixel * stride + channels.first / 8, step * stride);
      return;
    }
    const std::size_t index = static_cast<std::size_t>(operand / kOperandBlock);
    apply_(acc, acc_stride, rows, channels.count, steps_.data() + index * kinds_.size(),
           static_cast<int>(kinds_.size()), out.as<float>() + pixel * stride + channels.first,
           step * stride);
  }

 private:
  std::int64_t outputs_;
  BinarizeFn binarize_;
  StoreFn apply_;
  bool to_bits_ = false;
  bool inverted_ = false;
  AlignedArray<Acc> lower_;
  AlignedArray<Acc> upper_;
  std::vector<AlignedArray<float>> operands_;
  std::vector<EpilogueKind> kinds_;
  std::vector<EpilogueStep> steps_;  // [vectors of operands][kinds]
};

}  // namespace bnn
