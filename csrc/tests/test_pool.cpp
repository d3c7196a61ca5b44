#include <cmath>
#include <deque>
#include <vector>

#include "family_tests.h"
#include "guarded_array.h"

namespace bnn::test {
namespace {

bool same(float a, float b) { return same_float(a, b); }
bool same(std::uint64_t a, std::uint64_t b) { return a == b; }

template <class T, class Fn, class Draw, class Combine>
void check(const Variant<Fn>& variant, Random& random, Draw draw, Combine combine) {
  const int count = static_cast<int>(random.between(1, 10));
  const std::ptrdiff_t elements =
      random.one_in(2) ? random.pick<std::ptrdiff_t>({1,  1,  2,  3,  4,  5,  7,  8,   9,   15, 16,
                                                      17, 31, 32, 33, 63, 64, 65, 127, 128, 129})
                       : random.between(1, 200);
  const std::ptrdiff_t pixels = random.between(1, 9);
  const std::ptrdiff_t stride = elements * random.between(0, 3) + random.between(0, 1);
  const std::ptrdiff_t reach = (pixels - 1) * stride + elements;
  std::deque<GuardedArray<T>> inputs;
  std::vector<const T*> pointers;
  for (int i = 0; i < count; ++i) {
    const GuardedArray<T>& input = inputs.emplace_back(index(reach), random.placement());
    for (T& value : input.span()) value = draw();
    pointers.push_back(input.data());
  }
  const GuardedArray<T> out(index(pixels * elements), random.placement());

  variant.run(pointers.data(), count, stride, pixels, elements, out.data());

  const std::string shape = std::to_string(pixels) + " pixels, " + std::to_string(count) +
                            " inputs of " + std::to_string(elements) + ", stride " +
                            std::to_string(stride);
  for (std::ptrdiff_t p = 0; p < pixels; ++p) {
    for (std::ptrdiff_t e = 0; e < elements; ++e) {
      T expected = pointers[0][p * stride + e];
      for (int i = 1; i < count; ++i) {
        expected = combine(expected, pointers[index(i)][p * stride + e]);
      }
      require(same(out[index(p * elements + e)], expected), "wrong at element ", e, " of pixel ", p,
              " of ", shape);
    }
  }
  require(out.untouched(), "wrote outside: ", shape);
}

}  // namespace

void check_pool_max_f32(const Variant<PoolF32Fn>& variant, Random& random) {
  check<float>(
      variant, random, [&] { return random.one_in(2) ? random.special() : random.real(); },
      [](float m, float x) { return std::isnan(m) || x > m ? x : m; });
}

void check_pool_sum_f32(const Variant<PoolF32Fn>& variant, Random& random) {
  check<float>(
      variant, random, [&] { return random.one_in(20) ? random.special() : random.real(); },
      [](float sum, float x) { return sum + x; });
}

void check_pool_and_bits(const Variant<PoolBitsFn>& variant, Random& random) {
  check<std::uint64_t>(
      variant, random, [&] { return random.bits() | random.bits(); },
      [](std::uint64_t a, std::uint64_t b) { return a & b; });
}

void check_pool_or_bits(const Variant<PoolBitsFn>& variant, Random& random) {
  check<std::uint64_t>(
      variant, random, [&] { return random.bits() & random.bits(); },
      [](std::uint64_t a, std::uint64_t b) { return a | b; });
}

}  // namespace bnn::test
