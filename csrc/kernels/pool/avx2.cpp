#include "kernels/pool/pool.h"
#include "kernels/pool/vector_loop.h"
#include "kernels/vectors/f32_avx2.h"

namespace bnn {

void pool_max_f32_avx2(const float* const* inputs, int count, std::ptrdiff_t channels, float* out) {
  pool<F32, Max>(inputs, count, channels, out);
}

void pool_sum_f32_avx2(const float* const* inputs, int count, std::ptrdiff_t channels, float* out) {
  pool<F32, Sum>(inputs, count, channels, out);
}

}  // namespace bnn
