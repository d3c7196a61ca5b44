#include <bit>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "family_tests.h"
#include "gemm_case.h"

namespace bnn::test {
namespace {

enum class Density { random, sparse, full, empty };

std::uint64_t draw_mask(Random& random, Density density) {
  switch (density) {
    case Density::random:
      return random.bits();
    case Density::sparse:
      return random.bits() & random.bits() & random.bits();
    case Density::full:
      return ~std::uint64_t{0};
    case Density::empty:
      return 0;
  }
  throw Failure("unknown density");
}

// Words from `from` to `to`, which need not be of one array.
std::ptrdiff_t words_between(const std::uint64_t* from, const std::uint64_t* to) {
  return static_cast<std::ptrdiff_t>(reinterpret_cast<std::uintptr_t>(to) -
                                     reinterpret_cast<std::uintptr_t>(from)) /
         static_cast<std::ptrdiff_t>(sizeof(std::uint64_t));
}

}  // namespace

void check_xnor_masked(const Variant<XnorMaskedFn>& variant, Random& random) {
  const GemmCase c = random_packed_case(random, variant.lanes);
  const bool input_masked = random.one_in(2);
  const bool weights_masked = !input_masked || random.one_in(2);
  const auto draw_density = [&random] {
    return random.pick(
        {Density::random, Density::random, Density::sparse, Density::full, Density::empty});
  };
  const Density input_density = draw_density();
  const Density weight_density = draw_density();
  const bool extreme = random.one_in(8);  // every element disagrees or every one agrees
  const std::uint64_t flip = random.one_in(2) ? ~std::uint64_t{0} : 0;
  const auto draw_input = [&] { return extreme ? std::uint64_t{0} : random.bits(); };
  const auto draw_weight = [&] { return extreme ? flip : random.bits(); };
  constexpr std::uint64_t kUnread = 0x5A5A5A5A5A5A5A5Au;
  const GemmInput<std::uint64_t> input(c, random.placement(), kUnread, draw_input);
  const GemmInput<std::uint64_t> input_mask(c, random.placement(), kUnread,
                                            [&] { return draw_mask(random, input_density); });
  const GemmWeights<std::uint64_t> weights(c, random.placement(), c.lanes, draw_weight);
  const GemmWeights<std::uint64_t> weight_mask(c, random.placement(), c.lanes,
                                               [&] { return draw_mask(random, weight_density); });
  const GemmOutput<std::int32_t> acc(c, random.placement());
  std::vector<int> order(index(c.rows));  // of the input's rows in the call
  std::iota(order.begin(), order.end(), 0);
  for (int r = 0; r < c.rows; ++r) {
    std::swap(order[index(r)], order[index(random.between(0, c.rows - 1))]);
  }
  std::vector<std::ptrdiff_t> inputs;
  for (int r : order) inputs.push_back(r * c.row_stride);

  variant.run(input.origin(), inputs.data(), c.rows,
              input_masked ? words_between(input.origin(), input_mask.origin()) : 0,
              c.segments.data(), static_cast<int>(c.segments.size()), weights.data(),
              weights.stride(), c.vectors,
              weights_masked ? words_between(weights.data(), weight_mask.data()) : 0, acc.data(),
              c.acc_stride);

  const std::string masks = std::string(input_masked ? ", input masked" : "") +
                            (weights_masked ? ", weights masked" : "");
  for (int r = 0; r < c.rows; ++r) {
    for (int v = 0; v < c.vectors; ++v) {
      for (int l = 0; l < c.lanes; ++l) {
        std::int64_t expected = 0;
        for (const Segment& s : c.segments) {
          expected *= std::int64_t{1} << s.doublings;
          for (std::ptrdiff_t k = 0; k < s.length; ++k) {
            const std::ptrdiff_t w = (s.weight + k) * c.lanes + l;
            std::uint64_t mask = ~std::uint64_t{0};
            if (input_masked) mask &= input_mask.at(c, order[index(r)], s, k);
            if (weights_masked) mask &= weight_mask.at(v, w);
            const std::uint64_t differ = input.at(c, order[index(r)], s, k) ^ weights.at(v, w);
            expected += std::popcount(mask) - 2 * std::popcount(differ & mask);
          }
        }
        require(acc.at(r, v, l) == expected, acc.at(r, v, l), " instead of ", expected,
                Position{c, r, v, l}, masks);
      }
    }
  }
  acc.require_only_lanes_written();
}

}  // namespace bnn::test
