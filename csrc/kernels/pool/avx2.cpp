#include <immintrin.h>

#include "kernels/pool/pool.h"

namespace bnn {
namespace {

constexpr std::ptrdiff_t kLanes = 8;  // f32x8

// Masked accesses do not touch the lanes outside the mask.
using LaneMask = __m256i;
inline LaneMask first_lanes(std::ptrdiff_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline __m256 load(const float* x) { return _mm256_loadu_ps(x); }
inline __m256 load(const float* x, LaneMask lanes) { return _mm256_maskload_ps(x, lanes); }
inline void store(float* out, __m256 y) { _mm256_storeu_ps(out, y); }
inline void store(float* out, __m256 y, LaneMask lanes) { _mm256_maskstore_ps(out, lanes, y); }

// vmaxps(x, m) is x > m ? x : m, so only a NaN in m is left to replace.
struct Max {
  static __m256 combine(__m256 m, __m256 x) {
    const __m256 larger = _mm256_max_ps(x, m);
    return _mm256_blendv_ps(larger, x, _mm256_cmp_ps(m, m, _CMP_UNORD_Q));
  }
};

struct Sum {
  static __m256 combine(__m256 sum, __m256 x) { return _mm256_add_ps(sum, x); }
};

// kVectors vectors of channels from c on, in registers over all inputs.
template <class Op, int kVectors, class... Mask>
inline void block(const float* const* inputs, int count, std::ptrdiff_t c, float* out,
                  Mask... lanes) {
  __m256 y_f32x8[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) y_f32x8[v] = load(inputs[0] + c + v * kLanes, lanes...);
  for (int i = 1; i < count; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      y_f32x8[v] = Op::combine(y_f32x8[v], load(inputs[i] + c + v * kLanes, lanes...));
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) store(out + c + v * kLanes, y_f32x8[v], lanes...);
}

template <class Op>
void pool(const float* const* inputs, int count, std::ptrdiff_t channels, float* out) {
  std::ptrdiff_t c = 0;
  for (; c + 4 * kLanes <= channels; c += 4 * kLanes) block<Op, 4>(inputs, count, c, out);
  for (; c + kLanes <= channels; c += kLanes) block<Op, 1>(inputs, count, c, out);
  if (c < channels) block<Op, 1>(inputs, count, c, out, first_lanes(channels - c));
}

}  // namespace

void pool_max_f32_avx2(const float* const* inputs, int count, std::ptrdiff_t channels, float* out) {
  pool<Max>(inputs, count, channels, out);
}

void pool_sum_f32_avx2(const float* const* inputs, int count, std::ptrdiff_t channels, float* out) {
  pool<Sum>(inputs, count, channels, out);
}

}  // namespace bnn
