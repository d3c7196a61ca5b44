#include "ops/pad_bits.h"

#include <algorithm>

#include "base/bits.h"

namespace bnn {
namespace {

constexpr std::int64_t kMaxPad = std::int64_t{1} << 20;

class PadBits final : public Op {
 public:
  PadBits(const std::string& name, const InputCode& code, int value,
          const std::vector<std::int64_t>& before, const std::vector<std::int64_t>& after)
      : Op(name), code_(code), before_(before), after_(after) {
    if (before.size() != after.size() || before.size() < 2 || before.size() > 3) {
      bad_model("padding needs as many numbers as an image has spatial axes, 2 or 3");
    }
    for (const std::vector<std::int64_t>* pads : {&before, &after}) {
      for (const std::int64_t pad : *pads) {
        if (pad < 0 || pad > kMaxPad) bad_model("padding by " + std::to_string(pad));
      }
    }
    if (const std::string problem = code.problem(); !problem.empty()) bad_model(problem);
    const std::optional<unsigned> bits = code.bits_of(value);
    if (!bits) bad_model("padding with " + std::to_string(value) + ", which the bits cannot hold");
    for (int plane = 0; plane < code.type().planes; ++plane) {
      ones_.push_back(((*bits >> plane) & 1u) != 0);
    }
  }

  TensorType input_type(std::size_t) const override { return code_.type(); }
  TensorType output_type(std::size_t) const override { return code_.type(); }

  Shape infer(std::span<const Shape> inputs) const override {
    Shape out = inputs[0];
    if (out.rank() != static_cast<int>(before_.size()) + 2) {
      bad_shape("padding of " + std::to_string(before_.size()) + " axes on " + out.text());
    }
    for (std::size_t axis = 0; axis < before_.size(); ++axis) {
      out[static_cast<int>(axis) + 1] += before_[axis] + after_[axis];
    }
    return out;
  }

  void run(const OpContext& context) const override {
    TensorView& to = context.output();
    const TensorView& from = context.input(0);
    to.has_zeros = from.has_zeros || (code_.ternary && !ones_[1]);
    const Shape& in = from.shape;
    const Shape& out = to.shape;
    const std::int64_t channels = in.back();
    const std::int64_t words = words_for(channels);
    const std::int64_t in_plane = in.product(0, in.rank() - 1) * words;
    const std::int64_t out_plane = out.product(0, out.rank() - 1) * words;
    for (std::size_t plane = 0; plane < ones_.size(); ++plane) {
      std::uint64_t* target = to.as<std::uint64_t>() + static_cast<std::int64_t>(plane) * out_plane;
      fill(target, out_plane / words, channels, ones_[plane]);
      copy(from.as<std::uint64_t>() + static_cast<std::int64_t>(plane) * in_plane, in, out, target);
    }
  }

 private:
  static void fill(std::uint64_t* out, std::int64_t pixels, std::int64_t channels, bool ones) {
    const std::int64_t words = words_for(channels);
    std::fill_n(out, pixels * words, ones ? ~std::uint64_t{0} : 0);
    const std::int64_t tail = channels % kWordBits;
    if (!ones || tail == 0) return;
    for (std::int64_t p = 1; p <= pixels; ++p) out[p * words - 1] = (std::uint64_t{1} << tail) - 1;
  }

  // The rows of the images into their places.
  void copy(const std::uint64_t* in, const Shape& from, const Shape& to, std::uint64_t* out) const {
    const bool volume = before_.size() == 3;
    const std::int64_t depth = volume ? from[1] : 1;
    const std::int64_t out_depth = volume ? to[1] : 1;
    const std::int64_t top = before_[volume ? 1 : 0];
    const std::int64_t left = before_[volume ? 2 : 1];
    const int height = from.rank() - 3;
    const int width = from.rank() - 2;
    const std::int64_t words = words_for(from.back());
    const std::int64_t row = from[width] * words;
    for (std::int64_t n = 0; n < from[0]; ++n) {
      for (std::int64_t z = 0; z < depth; ++z) {
        const std::int64_t plane = n * out_depth + z + (volume ? before_[0] : 0);
        for (std::int64_t y = 0; y < from[height]; ++y, in += row) {
          std::copy_n(in, row, out + ((plane * to[height] + top + y) * to[width] + left) * words);
        }
      }
    }
  }

  InputCode code_;
  std::vector<std::int64_t> before_;
  std::vector<std::int64_t> after_;
  std::vector<bool> ones_;  // the padding's bit in every plane
};

}  // namespace

std::unique_ptr<Op> make_pad_bits(const std::string& name, const InputCode& code, int value,
                                  const std::vector<std::int64_t>& before,
                                  const std::vector<std::int64_t>& after) {
  return std::make_unique<PadBits>(name, code, value, before, after);
}

}  // namespace bnn
