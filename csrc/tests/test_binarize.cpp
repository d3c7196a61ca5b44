#include <cmath>
#include <limits>

#include "family_tests.h"
#include "guarded_array.h"

namespace bnn::test {
namespace {

float draw(Random& random, float) { return random.one_in(2) ? random.special() : random.real(); }
template <class T>
T draw(Random& random, T) {
  constexpr std::ptrdiff_t low = std::numeric_limits<T>::min();
  constexpr std::ptrdiff_t high = std::numeric_limits<T>::max();
  return static_cast<T>(random.one_in(3)
                            ? random.pick<std::ptrdiff_t>({0, 1, low, high, low + 1, high - 1})
                            : random.between(-40, 40));
}

// The value next to a bound, on either side of it.
float neighbour(Random& random, float bound) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  return std::nextafter(bound, random.one_in(2) ? inf : -inf);
}
template <class T>
T neighbour(Random& random, T bound) {
  return static_cast<T>(std::int64_t{bound} + (random.one_in(2) ? 1 : -1));
}

template <class T, class Fn>
void check(const Variant<Fn>& variant, Random& random) {
  const std::ptrdiff_t channels = channels_near_edges(random);
  const std::ptrdiff_t rows = random.between(1, 9);
  const std::ptrdiff_t row_stride = channels + random.between(0, 20);
  const std::ptrdiff_t bytes = (channels + 7) / 8;
  const std::ptrdiff_t out_stride = bytes + random.between(0, 9);
  const bool inverted = random.one_in(2);

  const std::ptrdiff_t readable = round_up(channels, sizeof(T) == 1 ? 64 : 16);
  const GuardedArray<T> lower(index(readable), random.placement(), 64);
  const GuardedArray<T> upper(index(readable), random.placement(), 64);
  const GuardedArray<T> x(index((rows - 1) * row_stride + channels), random.placement());
  const GuardedArray<std::uint8_t> out(index((rows - 1) * out_stride + bytes), random.placement());
  for (std::size_t c = 0; c < lower.size(); ++c) {
    lower[c] = draw(random, T{});
    upper[c] = random.one_in(3) ? lower[c] : draw(random, T{});
  }
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(x.size()); ++i) {
    const std::ptrdiff_t c = i % row_stride;
    const T bound = c < channels ? (random.one_in(2) ? lower : upper)[index(c)] : T{};
    x[index(i)] = random.one_in(3)   ? draw(random, T{})
                  : random.one_in(2) ? bound
                                     : neighbour(random, bound);
  }

  variant.run(x.data(), row_stride, rows, channels, lower.data(), upper.data(), inverted,
              out.data(), out_stride);

  const std::string shape =
      "rows " + std::to_string(rows) + ", channels " + std::to_string(channels);
  for (std::ptrdiff_t p = 0; p < rows; ++p) {
    for (std::ptrdiff_t c = 0; c < bytes * 8; ++c) {
      bool expected = false;  // unused bits of the last byte
      if (c < channels) {
        const T value = x[index(p * row_stride + c)];
        const bool inside = lower[index(c)] <= value && value <= upper[index(c)];
        expected = inside == inverted;
      }
      const bool found = ((out[index(p * out_stride + c / 8)] >> (c % 8)) & 1) != 0;
      require(found == expected, "wrong bit at row ", p, ", channel ", c, ": ", shape);
    }
    for (std::ptrdiff_t b = bytes; b < out_stride && p + 1 < rows; ++b) {
      require(out.is_canary(index(p * out_stride + b)), "wrote between rows: ", shape);
    }
  }
  require(out.untouched(), "wrote outside: ", shape);
}

}  // namespace

void check_binarize_f32(const Variant<BinarizeF32Fn>& variant, Random& random) {
  check<float>(variant, random);
}
void check_binarize_i32(const Variant<BinarizeI32Fn>& variant, Random& random) {
  check<std::int32_t>(variant, random);
}
void check_binarize_u8(const Variant<BinarizeU8Fn>& variant, Random& random) {
  check<std::uint8_t>(variant, random);
}
void check_binarize_i8(const Variant<BinarizeI8Fn>& variant, Random& random) {
  check<std::int8_t>(variant, random);
}

void check_binarize_planar_f32(const Variant<BinarizePlanarF32Fn>& variant, Random& random) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const std::ptrdiff_t channels =
      random.one_in(2) ? random.pick<std::ptrdiff_t>({1, 31, 32, 33, 63, 64, 65, 95, 96, 97, 128})
                       : random.between(1, 200);
  const std::ptrdiff_t pixels =
      random.one_in(2) ? random.pick<std::ptrdiff_t>({1, 15, 16, 17, 31, 32, 33, 49, 127, 128, 129})
                       : random.between(1, 300);
  const std::ptrdiff_t plane_stride = pixels + random.between(0, 20);
  const std::ptrdiff_t words = (channels + 63) / 64;
  const std::ptrdiff_t bound_stride = random.between(0, 1);
  const bool inverted = random.one_in(2);

  const std::size_t bounds = bound_stride == 0 ? 1 : index(channels);
  const GuardedArray<float> lower(bounds, random.placement());
  const GuardedArray<float> upper(bounds, random.placement());
  const GuardedArray<float> x(index((channels - 1) * plane_stride + pixels), random.placement());
  const GuardedArray<std::uint64_t> out(index(pixels * words), random.placement());
  const auto bound = [&random] {
    const float value = draw(random, 0.0f);
    return std::isnan(value) ? 0.0f : value;
  };
  const int kind = static_cast<int>(random.between(0, 2));  // half-lines, or intervals
  for (std::size_t c = 0; c < bounds; ++c) {
    lower[c] = kind == 1 ? -inf : bound();
    upper[c] = kind == 0 ? inf : random.one_in(3) ? lower[c] : bound();
  }
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(x.size()); ++i) {
    const std::size_t c = index(i / plane_stride * bound_stride);
    const float near = (random.one_in(2) ? lower : upper)[c];
    x[index(i)] = random.one_in(3)   ? draw(random, 0.0f)
                  : random.one_in(2) ? near
                                     : neighbour(random, near);
  }

  variant.run(x.data(), plane_stride, pixels, channels, lower.data(), upper.data(), bound_stride,
              inverted, out.data());

  const std::string shape =
      "pixels " + std::to_string(pixels) + ", channels " + std::to_string(channels);
  for (std::ptrdiff_t p = 0; p < pixels; ++p) {
    for (std::ptrdiff_t c = 0; c < words * 64; ++c) {
      bool expected = false;  // tail bits
      if (c < channels) {
        const float value = x[index(c * plane_stride + p)];
        const std::size_t b = index(c * bound_stride);
        expected = (lower[b] <= value && value <= upper[b]) == inverted;
      }
      const bool found = ((out[index(p * words + c / 64)] >> (c % 64)) & 1) != 0;
      require(found == expected, "wrong bit at pixel ", p, ", channel ", c, ": ", shape);
    }
  }
  require(out.untouched(), "wrote outside: ", shape);
}

}  // namespace bnn::test
