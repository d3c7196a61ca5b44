#include <limits>
#include <type_traits>

#include "family_tests.h"
#include "gemm_case.h"

namespace bnn::test {
namespace {

template <class Input, class Fn>
void check(const Variant<Fn>& variant, Random& random) {
  const GemmCase c = random_gemm_case(random, variant.lanes, 70'000, 1 << 20);
  constexpr std::ptrdiff_t low = std::numeric_limits<Input>::min();
  constexpr std::ptrdiff_t high = std::numeric_limits<Input>::max();
  enum class Values : std::uint8_t { all, ends, mostly_zero };  // ends: the largest sums
  const Values values = random.pick({Values::all, Values::ends, Values::mostly_zero});
  const auto draw_input = [&] {
    if (values == Values::mostly_zero && !random.one_in(9)) return Input{0};
    return static_cast<Input>(values == Values::ends ? random.pick({low, high, high})
                                                     : random.between(low, high));
  };
  const bool alike = random.one_in(4);
  const auto draw_weights = [&] { return alike ? ~std::uint64_t{0} : random.bits(); };
  GemmCase words = c;  // one more than the segments have, from four weights each
  words.k = (c.k + kByteGemmGroup - 1) / kByteGemmGroup + 1;
  const GemmInput<Input> input(c, random.placement(), Input{77}, draw_input);
  const GemmWeights<std::uint64_t> weights(words, random.placement(), 1, draw_weights);
  const GemmOutput<std::int32_t> acc(c, random.placement());

  variant.run(input.origin(), c.row_stride, c.rows, c.segments.data(),
              static_cast<int>(c.segments.size()), weights.data(), weights.stride(), c.vectors,
              acc.data(), c.acc_stride);

  for (int r = 0; r < c.rows; ++r) {
    for (int v = 0; v < c.vectors; ++v) {
      for (int l = 0; l < c.lanes; ++l) {
        std::int32_t expected = 0;
        for (const Segment& s : c.segments) {
          for (std::ptrdiff_t i = 0; i < s.length; ++i) {
            const std::ptrdiff_t k = s.weight + i;
            const std::uint64_t word = weights.at(v, k / kByteGemmGroup);
            const bool negative = ((word >> (4 * l + k % kByteGemmGroup)) & 1) != 0;
            const std::int32_t x = input.at(c, r, s, i);
            expected += negative ? -x : x;
          }
        }
        const std::int32_t found = acc.at(r, v, l);
        require(found == expected, found, " instead of ", expected, Position{c, r, v, l});
      }
    }
  }
  acc.require_only_lanes_written();
}

}  // namespace

void check_byte_gemm_u8(const Variant<ByteGemmU8Fn>& variant, Random& random) {
  check<std::uint8_t>(variant, random);
}
void check_byte_gemm_i8(const Variant<ByteGemmI8Fn>& variant, Random& random) {
  check<std::int8_t>(variant, random);
}

}  // namespace bnn::test
