#include <algorithm>
#include <bit>

#include "base/bits.h"
#include "family_tests.h"
#include "gemm_case.h"

namespace bnn::test {

void check_xnor_gemm(const Variant<XnorGemmFn>& variant, Random& random) {
  const GemmCase c = random_packed_case(random, variant.lanes);
  const bool extreme = random.one_in(8);  // every element disagrees or every one agrees
  const std::uint64_t flip = random.one_in(2) ? ~std::uint64_t{0} : 0;
  const auto draw_input = [&] { return extreme ? std::uint64_t{0} : random.bits(); };
  const auto draw_weight = [&] { return extreme ? flip : random.bits(); };
  const GemmInput<std::uint64_t> input(c, random.placement(), 0x5A5A5A5A5A5A5A5Au, draw_input);
  const GemmWeights<std::uint64_t> weights(c, random.placement(), c.lanes, draw_weight);
  const GemmOutput<std::int32_t> acc(c, random.placement());
  // Tail bits of real operands are 0: `valid` lies below the bits of the words.
  const auto valid = static_cast<std::int32_t>(
      std::max<std::ptrdiff_t>(0, c.weighted_length * kWordBits - random.between(0, 63)));

  variant.run(input.origin(), c.row_stride, c.rows, c.segments.data(),
              static_cast<int>(c.segments.size()), weights.data(), weights.stride(), c.vectors,
              valid, acc.data(), c.acc_stride);

  for (int r = 0; r < c.rows; ++r) {
    for (int v = 0; v < c.vectors; ++v) {
      for (int l = 0; l < c.lanes; ++l) {
        std::int64_t ones = 0;
        for (const Segment& s : c.segments) {
          ones <<= s.doublings;
          for (std::ptrdiff_t k = 0; k < s.length; ++k) {
            ones +=
                std::popcount(input.at(c, r, s, k) ^ weights.at(v, (s.weight + k) * c.lanes + l));
          }
        }
        const std::int64_t expected = valid - 2 * ones;
        require(acc.at(r, v, l) == expected, acc.at(r, v, l), " instead of ", expected,
                Position{c, r, v, l});
      }
    }
  }
  acc.require_only_lanes_written();
}

}  // namespace bnn::test
