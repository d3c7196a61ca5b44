#include <cmath>

#include "family_tests.h"
#include "guarded_array.h"

namespace bnn::test {
namespace {

void check(const Variant<PackSignsF32Fn>& variant, Random& random, bool planar) {
  const std::ptrdiff_t channels =
      random.one_in(2) ? random.pick<std::ptrdiff_t>({1, 15, 16, 31, 32, 33, 63, 64, 65, 128})
                       : random.between(1, 200);
  const std::ptrdiff_t pixels =
      random.one_in(2) ? random.pick<std::ptrdiff_t>({1, 7, 8, 15, 16, 17, 49, 127, 128, 129})
                       : random.between(1, 150);
  const std::ptrdiff_t inner = planar ? pixels : channels;
  const std::ptrdiff_t outer = planar ? channels : pixels;
  const std::ptrdiff_t stride = inner + random.between(0, 9);
  const std::ptrdiff_t words = (channels + 63) / 64;
  const GuardedArray<float> x(index((outer - 1) * stride + inner), random.placement());
  const GuardedArray<std::uint64_t> signs(index(pixels * words), random.placement());
  const GuardedArray<std::uint64_t> masks(index(pixels * words), random.placement());
  // Both flags, one of them, none: a special value in many places, in one, or in none.
  const std::uint64_t rarity = random.pick<std::uint64_t>({3, 1000, 100000});
  for (float& value : x.span()) {
    value = random.one_in(rarity) ? random.special() : random.real();
    if (value == 0 && rarity > 3 && random.one_in(2)) value = 1;
  }

  const unsigned flags =
      variant.run(x.data(), stride, pixels, channels, signs.data(), masks.data());

  const std::string shape =
      "pixels " + std::to_string(pixels) + ", channels " + std::to_string(channels);
  unsigned expected = 0;
  for (std::ptrdiff_t p = 0; p < pixels; ++p) {
    for (std::ptrdiff_t c = 0; c < words * 64; ++c) {
      const float value = c < channels ? x[index(planar ? c * stride + p : p * stride + c)] : 0.0f;
      if (c < channels && value == 0) expected |= kSignsZero;
      if (std::isnan(value)) expected |= kSignsNan;
      const auto bit = [&](const GuardedArray<std::uint64_t>& plane) {
        return ((plane[index(p * words + c / 64)] >> (c % 64)) & 1) != 0;
      };
      require(bit(signs) == (value < 0), "wrong sign at pixel ", p, ", channel ", c, ": ", shape);
      require(bit(masks) == (value < 0 || value > 0), "wrong mask at pixel ", p, ", channel ", c,
              ": ", shape);
    }
  }
  require(flags == expected, "flags ", flags, ", expected ", expected, ": ", shape);
  require(signs.untouched() && masks.untouched(), "wrote outside: ", shape);
}

}  // namespace

void check_pack_signs_f32(const Variant<PackSignsF32Fn>& variant, Random& random) {
  check(variant, random, false);
}
void check_pack_signs_planar_f32(const Variant<PackSignsF32Fn>& variant, Random& random) {
  check(variant, random, true);
}

}  // namespace bnn::test
