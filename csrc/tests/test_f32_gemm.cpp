#include <cmath>
#include <limits>

#include "family_tests.h"
#include "gemm_case.h"

namespace bnn::test {
namespace {

// fl(Σ) of n products, each added with at most two roundings in one chain from 0, differs from the
// sum by at most γ_n · Σ|x·w|, γ_n = n·u / (1 − n·u), u = 2^-24. The reference itself, in double
// (products of floats are exact there), is off by at most n · 2^-53 of the same. Products below the
// normal range lose up to half a denormal each.
double error_bound(std::ptrdiff_t n, double sum_of_magnitudes) {
  const double count = static_cast<double>(n);
  const double nu = count * 0x1p-24;
  const double half_denormal = 0x1p-150;
  return (nu / (1 - nu) + count * 0x1p-53) * sum_of_magnitudes + count * half_denormal;
}

}  // namespace

void check_f32_gemm(const Variant<F32GemmFn>& variant, Random& random) {
  const GemmCase c = random_gemm_case(random, variant.lanes, 70'000, 70'000);
  const bool with_specials = random.one_in(8);
  const auto draw = [&] {
    constexpr float inf = std::numeric_limits<float>::infinity();
    if (with_specials && random.one_in(64))
      return random.pick({0.0f, -0.0f, inf, -inf, std::nanf("")});
    return random.real();
  };
  const GemmInput<float> input(c, random.placement(), std::nanf(""), draw);
  const GemmWeights<float> weights(c, random.placement(), c.lanes, draw);
  const GemmOutput<float> acc(c, random.placement());
  const int segment_count = static_cast<int>(c.segments.size());

  variant.run(input.origin(), c.row_stride, c.rows, c.segments.data(), segment_count,
              weights.data(), weights.stride(), c.vectors, acc.data(), c.acc_stride);

  alignas(64) float alone[16];
  for (int r = 0; r < c.rows; ++r) {
    for (int v = 0; v < c.vectors; ++v) {
      for (int l = 0; l < c.lanes; ++l) {
        double expected = 0;
        double magnitudes = 0;
        for (const Segment& s : c.segments) {
          for (std::ptrdiff_t k = 0; k < s.length; ++k) {
            const double product = static_cast<double>(input.at(c, r, s, k)) *
                                   static_cast<double>(weights.at(v, (s.weight + k) * c.lanes + l));
            expected += product;
            magnitudes += std::abs(product);
          }
        }
        const float found = acc.at(r, v, l);
        const bool close = std::isfinite(expected)
                               ? std::abs(static_cast<double>(found) - expected) <=
                                     error_bound(c.length, magnitudes)
                               : same_float(found, static_cast<float>(expected));
        require(close, found, " instead of ", expected, Position{c, r, v, l});
      }
      // The tiling shows in no bit.
      variant.run(input.origin() + r * c.row_stride, c.row_stride, 1, c.segments.data(),
                  segment_count, weights.data() + v * weights.stride(), weights.stride(), 1, alone,
                  16);
      for (int l = 0; l < c.lanes; ++l) {
        require(same_float(acc.at(r, v, l), alone[l]), "differs from its batch-1 answer",
                Position{c, r, v, l});
      }
    }
  }
  acc.require_only_lanes_written();
}

}  // namespace bnn::test
