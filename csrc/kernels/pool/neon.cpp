#include "kernels/pool/pool.h"
#include "kernels/pool/vector_loop.h"
#include "kernels/vectors/f32_neon.h"
#include "kernels/vectors/u64_neon.h"

namespace bnn {

void pool_max_f32_neon(const float* const* inputs, int count, std::ptrdiff_t stride,
                       std::ptrdiff_t pixels, std::ptrdiff_t channels, float* out) {
  pool<F32, Max>(inputs, count, stride, pixels, channels, out);
}

void pool_sum_f32_neon(const float* const* inputs, int count, std::ptrdiff_t stride,
                       std::ptrdiff_t pixels, std::ptrdiff_t channels, float* out) {
  pool<F32, Sum>(inputs, count, stride, pixels, channels, out);
}

void pool_and_bits_neon(const std::uint64_t* const* inputs, int count, std::ptrdiff_t stride,
                        std::ptrdiff_t pixels, std::ptrdiff_t words, std::uint64_t* out) {
  pool<U64, And>(inputs, count, stride, pixels, words, out);
}

void pool_or_bits_neon(const std::uint64_t* const* inputs, int count, std::ptrdiff_t stride,
                       std::ptrdiff_t pixels, std::ptrdiff_t words, std::uint64_t* out) {
  pool<U64, Or>(inputs, count, stride, pixels, words, out);
}

}  // namespace bnn
