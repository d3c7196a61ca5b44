#include "family_tests.h"
#include "guarded_array.h"

namespace bnn::test {
namespace {

void check(const Variant<UnpackF32Fn>& variant, Random& random, bool planar) {
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
  const GuardedArray<std::uint64_t> in(index(pixels * words), random.placement());
  const GuardedArray<float> out(index((outer - 1) * stride + inner), random.placement());
  for (std::uint64_t& word : in.span()) word = random.bits();

  variant.run(in.data(), pixels, channels, out.data(), stride);

  const std::string shape =
      "pixels " + std::to_string(pixels) + ", channels " + std::to_string(channels);
  for (std::ptrdiff_t p = 0; p < pixels; ++p) {
    for (std::ptrdiff_t c = 0; c < channels; ++c) {
      const bool negative = ((in[index(p * words + c / 64)] >> (c % 64)) & 1) != 0;
      const float value = out[index(planar ? c * stride + p : p * stride + c)];
      require(value == (negative ? -1.0f : 1.0f), "wrong at pixel ", p, ", channel ", c, ": ",
              shape);
    }
  }
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(out.size()); ++i) {
    require(i % stride < inner || out.is_canary(index(i)), "wrote between rows: ", shape);
  }
  require(out.untouched(), "wrote outside: ", shape);
}

}  // namespace

void check_unpack_f32(const Variant<UnpackF32Fn>& variant, Random& random) {
  check(variant, random, false);
}
void check_unpack_planar_f32(const Variant<UnpackF32Fn>& variant, Random& random) {
  check(variant, random, true);
}

}  // namespace bnn::test
