// The chain kernels against the sum over words that the chains were made of.
#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "family_tests.h"
#include "gemm_case.h"
#include "guarded_array.h"
#include "kernels/xnor_chain/xnor_chain.h"
#include "ops/chain_layout.h"

namespace bnn::test {
namespace {

// Rows in any order, chains of odd and even lengths, full or cut short.
class ChainCase {
 public:
  ChainCase(Random& random, int lanes) : lanes_(lanes) {
    rows_ = random.one_in(10) ? random.between(30, 70) : random.between(1, 13);
    vectors_ = random.one_in(4) ? random.between(10, 17) : random.between(1, 9);
    const bool extreme = random.one_in(8);  // every bit disagrees or every one agrees
    const std::uint64_t flip = random.one_in(2) ? ~std::uint64_t{0} : 0;
    std::ptrdiff_t count = random.one_in(20) ? 0 : random.between(1, 5);
    std::ptrdiff_t longest = 13;
    if (random.one_in(20)) longest = 400;
    if (random.one_in(500)) {
      longest = words_for(1 << 20);
      rows_ = random.between(1, 6);
      vectors_ = random.between(1, 3);
      count = 1;
    }
    for (; count > 0; --count) {
      const std::ptrdiff_t full = longest - random.between(0, longest * 9 / 10);
      const std::ptrdiff_t length = random.one_in(3) ? random.between(1, full) : full;
      chains_.push_back({0, weight_words_, length});
      full_.push_back(full);
      weight_words_ += full + random.between(0, 2);
    }
    if (random.one_in(4) && !chains_.empty()) {  // a second chain over the same weights
      chains_.push_back(chains_.front());
      full_.push_back(full_.front());
    }
    weighted_words_ = random_doublings(random, chains_);
    vector_stride_ = weight_words_ * lanes + 8 * random.between(0, 2);
    weights_ = std::vector<std::uint64_t>(index(vectors_ * lanes * weight_words_));
    for (std::uint64_t& word : weights_) word = extreme ? flip : random.bits();
    packed_weights_.emplace(index((vectors_ - 1) * vector_stride_ + weight_words_ * lanes),
                            random.placement(), 64);
    for (std::ptrdiff_t channel = 0; channel < vectors_ * lanes; ++channel) {
      for (std::size_t s = 0; s < chains_.size(); ++s) {
        make_chain(weight(channel, chains_[s].weight), full_[s],
                   packed_weights_->data() + channel / lanes * vector_stride_ +
                       chains_[s].weight * lanes + channel % lanes,
                   lanes);
      }
    }
    // Every row has words of its own for each chain, and the kernel may read exactly the chains.
    std::ptrdiff_t row_words = 0;
    for (Segment& s : chains_) {
      s.input = row_words;
      row_words += s.length;
    }
    const std::ptrdiff_t gap = random.between(0, 2);
    words_ = std::vector<std::uint64_t>(index(rows_ * (row_words + gap)));
    for (std::uint64_t& word : words_) word = extreme ? 0 : random.bits();
    input_.emplace(index(std::max<std::ptrdiff_t>(0, rows_ * (row_words + gap) - gap)),
                   random.placement());
    for (std::ptrdiff_t r = 0; r < rows_; ++r) {
      inputs_.push_back((rows_ - 1 - r) * (row_words + gap));  // in any order: backwards
      for (const Segment& s : chains_) {
        make_chain(words_.data() + inputs_.back() + s.input, s.length,
                   input_->data() + inputs_.back() + s.input, 1);
      }
    }
  }

  std::ptrdiff_t rows() const { return rows_; }
  std::ptrdiff_t vectors() const { return vectors_; }
  std::ptrdiff_t channels() const { return vectors_ * lanes_; }
  // Each word counted as often as the doublings after it say.
  std::ptrdiff_t weighted_words() const { return weighted_words_; }

  template <class Fn, class... Output>
  void run(Fn kernel, std::int32_t valid, Output... output) const {
    kernel(input_->data(), inputs_.data(), rows_, chains_.data(), static_cast<int>(chains_.size()),
           packed_weights_->data(), vector_stride_, vectors_, valid, output...);
  }

  std::int32_t expected(std::ptrdiff_t row, std::ptrdiff_t channel, std::int32_t valid) const {
    std::int32_t ones = 0;
    for (const Segment& s : chains_) {
      ones <<= s.doublings;
      for (std::ptrdiff_t k = 0; k < s.length; ++k) {
        ones += std::popcount(words_[index(inputs_[index(row)] + s.input + k)] ^
                              *weight(channel, s.weight + k));
      }
    }
    return valid - 2 * ones;
  }

  std::string text() const {
    std::string s =
        "rows " + std::to_string(rows_) + ", vectors " + std::to_string(vectors_) + ", chains";
    for (const Segment& chain : chains_) {
      s += " " + std::to_string(chain.length) + "<<" + std::to_string(chain.doublings);
    }
    return s;
  }

 private:
  const std::uint64_t* weight(std::ptrdiff_t channel, std::ptrdiff_t k) const {
    return weights_.data() + channel * weight_words_ + k;
  }

  int lanes_;
  std::ptrdiff_t rows_;
  std::ptrdiff_t vectors_;
  std::vector<Segment> chains_;
  std::vector<std::ptrdiff_t> full_;  // lengths of the chains as packed
  std::ptrdiff_t weight_words_ = 0;
  std::ptrdiff_t weighted_words_ = 0;
  std::ptrdiff_t vector_stride_;
  std::vector<std::uint64_t> weights_;  // [channels][words]
  std::vector<std::uint64_t> words_;    // of the rows
  std::vector<std::ptrdiff_t> inputs_;
  std::optional<GuardedArray<std::uint64_t>> packed_weights_;
  std::optional<GuardedArray<std::uint64_t>> input_;
};

// Tail bits of real operands are 0: `valid` lies below the bits of the words.
std::int32_t random_valid(const ChainCase& c, Random& random) {
  return static_cast<std::int32_t>(
      std::max<std::ptrdiff_t>(0, c.weighted_words() * 64 - random.between(0, 63)));
}

// Offsets of the rows of an output, in another order than those of the input.
std::vector<std::ptrdiff_t> rotated_rows(const ChainCase& c, std::ptrdiff_t stride,
                                         Random& random) {
  std::vector<std::ptrdiff_t> outputs;
  const std::ptrdiff_t rotation = random.between(0, c.rows() - 1);
  for (std::ptrdiff_t r = 0; r < c.rows(); ++r) {
    outputs.push_back((r + rotation) % c.rows() * stride);
  }
  return outputs;
}

}  // namespace

void check_xnor_chain(const Variant<XnorChainFn>& variant, Random& random) {
  const ChainCase c(random, variant.lanes);
  const std::int32_t valid = random_valid(c, random);
  const std::ptrdiff_t acc_stride = round_up(c.channels(), 16) + 16 * random.between(0, 2);
  const GuardedArray<std::int32_t> acc(index((c.rows() - 1) * acc_stride + c.channels()),
                                       random.placement(), 64);
  c.run(variant.run, valid, acc.data(), acc_stride);
  for (std::ptrdiff_t r = 0; r < c.rows(); ++r) {
    for (std::ptrdiff_t channel = 0; channel < c.channels(); ++channel) {
      const std::int32_t got = acc[index(r * acc_stride + channel)];
      const std::int32_t expected = c.expected(r, channel, valid);
      require(got == expected, got, " instead of ", expected, " at row ", r, ", channel ", channel,
              ": ", c);
    }
    for (std::ptrdiff_t i = c.channels(); r + 1 < c.rows() && i < acc_stride; ++i) {
      require(acc.is_canary(index(r * acc_stride + i)), "wrote between rows of acc: ", c);
    }
  }
  require(acc.untouched(), "wrote outside acc: ", c);
}

void check_xnor_chain_f32(const Variant<XnorChainF32Fn>& variant, Random& random) {
  const ChainCase c(random, variant.lanes);
  const std::int32_t valid = random_valid(c, random);
  const GuardedArray<float> scale(index(c.channels()), random.placement(), 64);
  const GuardedArray<float> shift(index(c.channels()), random.placement(), 64);
  for (float& factor : scale.span()) factor = random.real();
  for (float& term : shift.span()) term = random.real();
  const bool scales = random.one_in(2);
  const bool shifts = random.one_in(2);
  const std::ptrdiff_t channels = c.channels() - random.between(0, variant.lanes - 1);
  const std::ptrdiff_t stride = channels + random.between(0, 9);
  const GuardedArray<float> out(index((c.rows() - 1) * stride + channels), random.placement());
  const std::vector<std::ptrdiff_t> outputs = rotated_rows(c, stride, random);

  c.run(variant.run, valid, scales ? scale.data() : nullptr, shifts ? shift.data() : nullptr,
        channels, out.data(), outputs.data());

  for (std::ptrdiff_t r = 0; r < c.rows(); ++r) {
    for (std::ptrdiff_t channel = 0; channel < channels; ++channel) {
      float expected = static_cast<float>(c.expected(r, channel, valid));
      if (scales) expected *= scale[index(channel)];
      if (shifts) expected += shift[index(channel)];
      const float got = out[index(outputs[index(r)] + channel)];
      require(got == expected, got, " instead of ", expected, " at row ", r, ", channel ", channel,
              ": ", c);
    }
    for (std::ptrdiff_t i = channels; i < stride; ++i) {
      const std::ptrdiff_t at = outputs[index(r)] + i;
      require(at >= static_cast<std::ptrdiff_t>(out.size()) || out.is_canary(index(at)),
              "wrote between pixels: ", c);
    }
  }
  require(out.untouched(), "wrote outside the output: ", c);
}

void check_xnor_chain_bits(const Variant<XnorChainBitsFn>& variant, Random& random) {
  const ChainCase c(random, variant.lanes);
  const std::int32_t valid = random_valid(c, random);
  const GuardedArray<std::int32_t> limit(index(c.channels()), random.placement(), 64);
  const GuardedArray<std::uint8_t> flips(index(c.vectors()), random.placement());
  for (std::ptrdiff_t channel = 0; channel < c.channels(); ++channel) {
    // Near the accumulators, where off-by-one errors show, and at the ends.
    const std::int32_t near = c.expected(random.between(0, c.rows() - 1), channel, valid) +
                              static_cast<std::int32_t>(random.between(-2, 2));
    limit[index(channel)] = random.pick({near, near, near, std::numeric_limits<std::int32_t>::min(),
                                         std::numeric_limits<std::int32_t>::max()});
  }
  for (std::uint8_t& flip : flips.span()) flip = static_cast<std::uint8_t>(random.bits());
  const std::ptrdiff_t stride = c.vectors() + random.between(0, 9);
  const GuardedArray<std::uint8_t> out(index((c.rows() - 1) * stride + c.vectors()),
                                       random.placement());
  const std::vector<std::ptrdiff_t> outputs = rotated_rows(c, stride, random);

  c.run(variant.run, valid, limit.data(), flips.data(), out.data(), outputs.data());

  for (std::ptrdiff_t r = 0; r < c.rows(); ++r) {
    for (std::ptrdiff_t channel = 0; channel < c.channels(); ++channel) {
      const std::ptrdiff_t byte = channel / 8;
      const int flip = flips[index(byte)] >> (channel % 8) & 1;
      const int inside = c.expected(r, channel, valid) <= limit[index(channel)] ? 1 : 0;
      const int got = out[index(outputs[index(r)] + byte)] >> (channel % 8) & 1;
      require(got == (inside ^ flip), "wrong bit at row ", r, ", channel ", channel, ": ", c);
    }
    for (std::ptrdiff_t i = c.vectors(); i < stride; ++i) {
      const std::ptrdiff_t at = outputs[index(r)] + i;
      require(at >= static_cast<std::ptrdiff_t>(out.size()) || out.is_canary(index(at)),
              "wrote between pixels: ", c);
    }
  }
  require(out.untouched(), "wrote outside the output: ", c);
}

}  // namespace bnn::test
