#include "kernels/pool/pool.h"

namespace bnn {
namespace {

// Blocks of elements held in registers over all inputs; each step of the loop over a block's
// elements is independent, so compilers vectorize it.
constexpr std::ptrdiff_t kBlock = 16;

template <class T, class Combine>
void pool(const T* const* inputs, int count, std::ptrdiff_t elements, T* out, Combine combine) {
  std::ptrdiff_t e = 0;
  for (; e + kBlock <= elements; e += kBlock) {
    T y[kBlock];
    for (std::ptrdiff_t j = 0; j < kBlock; ++j) y[j] = inputs[0][e + j];
    for (int i = 1; i < count; ++i) {
      for (std::ptrdiff_t j = 0; j < kBlock; ++j) y[j] = combine(y[j], inputs[i][e + j]);
    }
    for (std::ptrdiff_t j = 0; j < kBlock; ++j) out[e + j] = y[j];
  }
  for (; e < elements; ++e) {
    T y = inputs[0][e];
    for (int i = 1; i < count; ++i) y = combine(y, inputs[i][e]);
    out[e] = y;
  }
}

}  // namespace

void pool_max_f32_scalar(const float* const* inputs, int count, std::ptrdiff_t channels,
                         float* out) {
  pool(inputs, count, channels, out, [](float m, float x) { return (m != m) | (x > m) ? x : m; });
}

void pool_sum_f32_scalar(const float* const* inputs, int count, std::ptrdiff_t channels,
                         float* out) {
  pool(inputs, count, channels, out, [](float sum, float x) { return sum + x; });
}

void pool_and_bits_scalar(const std::uint64_t* const* inputs, int count, std::ptrdiff_t words,
                          std::uint64_t* out) {
  pool(inputs, count, words, out, [](std::uint64_t y, std::uint64_t x) { return y & x; });
}

void pool_or_bits_scalar(const std::uint64_t* const* inputs, int count, std::ptrdiff_t words,
                         std::uint64_t* out) {
  pool(inputs, count, words, out, [](std::uint64_t y, std::uint64_t x) { return y | x; });
}

}  // namespace bnn
