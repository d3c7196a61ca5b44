#include <cmath>
#include <string>
#include <vector>

#include "family_tests.h"
#include "guarded_array.h"

namespace bnn::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Numbers of all sizes, mostly where the functions are neither 0, 1 nor infinite.
float drawn(Random& random) {
  if (random.one_in(8)) return random.special();
  if (random.one_in(8)) return std::bit_cast<float>(static_cast<std::uint32_t>(random.bits()));
  return random.unit() * static_cast<float>(random.pick({1, 10, 110}));
}

// The distance from one float of the size of `x` to the next.
double unit_in_last_place(double x) {
  const int exponent = x == 0 ? -200 : std::ilogb(x);
  return std::ldexp(1.0, std::max(exponent - 23, -149));
}

void check(const Variant<ExponentialF32Fn>& variant, const Variant<ExponentialF32Fn>& scalar,
           Random& random, double (*expected)(double), double most_units,
           double units_per_square = 0) {
  const std::ptrdiff_t count = random.between(0, 70);
  const GuardedArray<float> x(index(count), random.placement());
  const GuardedArray<float> out(index(count), random.placement());
  for (float& value : x.span()) value = drawn(random);
  variant.run(x.data(), count, out.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double wanted = expected(x[i]);
    const double got = out[i];
    bool near = std::isnan(wanted) ? std::isnan(got) : got == wanted;
    if (!std::isnan(wanted) && !near) {
      const double bounded = std::min(wanted, 0x1p128);  // of which infinity is the rounding
      const double distance = std::fabs((got == kInf ? 0x1p128 : got) - bounded);
      const double units = most_units + units_per_square * x[i] * x[i];
      near = distance <= units * unit_in_last_place(bounded);
    }
    require(near, std::to_string(got), " instead of ", std::to_string(wanted), " for ",
            std::to_string(x[i]));
    require(std::signbit(got) == std::signbit(wanted) || std::isnan(wanted), "wrong sign");
  }
  require(out.untouched(), "wrote outside");

  // The same bits alone, in place and on every instruction set.
  for (std::size_t i = 0; i < x.size(); ++i) {
    float alone = x[i];
    scalar.run(&alone, 1, &alone);
    require(same_float(alone, out[i]), "an element depends on where and by what it is computed");
  }
}

}  // namespace

void check_exp_f32(const Variant<ExponentialF32Fn>& variant, Random& random) {
  check(variant, exp_f32_variants().front(), random, [](double x) { return std::exp(x); }, 2);
}
void check_sigmoid_f32(const Variant<ExponentialF32Fn>& variant, Random& random) {
  check(
      variant, sigmoid_f32_variants().front(), random,
      [](double x) { return 1 / (1 + std::exp(-x)); }, 4);
}
void check_tanh_f32(const Variant<ExponentialF32Fn>& variant, Random& random) {
  check(variant, tanh_f32_variants().front(), random, [](double x) { return std::tanh(x); }, 4);
}

void check_erf_f32(const Variant<ExponentialF32Fn>& variant, Random& random) {
  check(variant, erf_f32_variants().front(), random, [](double x) { return std::erf(x); }, 4);
}
void check_normal_f32(const Variant<ExponentialF32Fn>& variant, Random& random) {
  check(
      variant, normal_f32_variants().front(), random,
      [](double x) { return 0.5 * std::erfc(x * -std::sqrt(0.5)); }, 8, 2);
}

}  // namespace bnn::test
