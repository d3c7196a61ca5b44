#include <immintrin.h>

#include "kernels/pool/pool.h"

namespace bnn {
namespace {

constexpr std::ptrdiff_t kLanes = 16;  // f32x16

// Masked accesses do not touch the lanes outside the mask.
using LaneMask = __mmask16;
inline LaneMask first_lanes(std::ptrdiff_t count) {
  return static_cast<LaneMask>((1u << count) - 1);
}
inline __m512 load(const float* x) { return _mm512_loadu_ps(x); }
inline __m512 load(const float* x, LaneMask lanes) { return _mm512_maskz_loadu_ps(lanes, x); }
inline void store(float* out, __m512 y) { _mm512_storeu_ps(out, y); }
inline void store(float* out, __m512 y, LaneMask lanes) { _mm512_mask_storeu_ps(out, lanes, y); }

// vmaxps(x, m) is x > m ? x : m, so only a NaN in m is left to replace.
struct Max {
  static __m512 combine(__m512 m, __m512 x) {
    const __m512 larger = _mm512_max_ps(x, m);
    return _mm512_mask_mov_ps(larger, _mm512_cmp_ps_mask(m, m, _CMP_UNORD_Q), x);
  }
};

struct Sum {
  static __m512 combine(__m512 sum, __m512 x) { return _mm512_add_ps(sum, x); }
};

// kVectors vectors of channels from c on, in registers over all inputs.
template <class Op, int kVectors, class... Mask>
inline void block(const float* const* inputs, int count, std::ptrdiff_t c, float* out,
                  Mask... lanes) {
  __m512 y_f32x16[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) y_f32x16[v] = load(inputs[0] + c + v * kLanes, lanes...);
  for (int i = 1; i < count; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      y_f32x16[v] = Op::combine(y_f32x16[v], load(inputs[i] + c + v * kLanes, lanes...));
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) store(out + c + v * kLanes, y_f32x16[v], lanes...);
}

template <class Op>
void pool(const float* const* inputs, int count, std::ptrdiff_t channels, float* out) {
  std::ptrdiff_t c = 0;
  for (; c + 4 * kLanes <= channels; c += 4 * kLanes) block<Op, 4>(inputs, count, c, out);
  for (; c + kLanes <= channels; c += kLanes) block<Op, 1>(inputs, count, c, out);
  if (c < channels) block<Op, 1>(inputs, count, c, out, first_lanes(channels - c));
}

}  // namespace

void pool_max_f32_avx512bw(const float* const* inputs, int count, std::ptrdiff_t channels,
                           float* out) {
  pool<Max>(inputs, count, channels, out);
}

void pool_sum_f32_avx512bw(const float* const* inputs, int count, std::ptrdiff_t channels,
                           float* out) {
  pool<Sum>(inputs, count, channels, out);
}

}  // namespace bnn
