#include <cmath>

#include "family_tests.h"
#include "gemm_case.h"

namespace bnn::test {

// The contract fixes every bit: one chain of float additions. Sums of integers below 2^24 are
// checked as integers as well.
void check_binary_weight_gemm(const Variant<BinaryWeightGemmFn>& variant, Random& random) {
  const GemmCase c = random_gemm_case(random, variant.lanes, 70'000, 70'000);
  enum class Values : std::uint8_t { bytes, mostly_zero_bytes, reals, specials };
  const Values values =
      random.pick({Values::bytes, Values::mostly_zero_bytes, Values::reals, Values::specials});
  const auto draw_input = [&] {
    switch (values) {
      case Values::bytes:
        return static_cast<float>(random.between(0, 239));  // 70,000 · 239 < 2^24
      case Values::mostly_zero_bytes:
        return random.one_in(5) ? static_cast<float>(random.between(-239, 239))
                                : random.pick({0.0f, -0.0f});
      case Values::reals:
        return random.real();
      default:
        return random.one_in(50) ? random.special() : random.real();
    }
  };
  const std::uint16_t lane_mask = static_cast<std::uint16_t>((1u << variant.lanes) - 1);
  const auto draw_weight = [&] { return static_cast<std::uint16_t>(random.bits() & lane_mask); };
  const GemmInput<float> input(c, random.placement(), std::nanf(""), draw_input);
  const GemmWeights<std::uint16_t> weights(c, random.placement(), 1, draw_weight);
  const GemmOutput<float> acc(c, random.placement());

  variant.run(input.origin(), c.row_stride, c.rows, c.segments.data(),
              static_cast<int>(c.segments.size()), weights.data(), weights.stride(), c.vectors,
              acc.data(), c.acc_stride);

  const bool integers = values == Values::bytes || values == Values::mostly_zero_bytes;
  for (int r = 0; r < c.rows; ++r) {
    for (int v = 0; v < c.vectors; ++v) {
      for (int l = 0; l < c.lanes; ++l) {
        float chain = 0.0f;
        std::int64_t exact = 0;
        for (const Segment& s : c.segments) {
          for (std::ptrdiff_t k = 0; k < s.length; ++k) {
            const float x = input.at(c, r, s, k);
            const bool negative = ((weights.at(v, s.weight + k) >> l) & 1) != 0;
            chain += negative ? -x : x;
            if (integers)
              exact += negative ? -static_cast<std::int64_t>(x) : static_cast<std::int64_t>(x);
          }
        }
        const float found = acc.at(r, v, l);
        require(same_float(found, chain), found, " instead of the chain's ", chain,
                Position{c, r, v, l});
        if (integers) {
          require(found == static_cast<float>(exact), found, " instead of the integer ", exact,
                  Position{c, r, v, l});
        }
      }
    }
  }
  acc.require_only_lanes_written();
}

}  // namespace bnn::test
