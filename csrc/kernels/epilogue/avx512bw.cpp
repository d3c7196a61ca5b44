#include <immintrin.h>

#include "kernels/epilogue/epilogue.h"

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
inline __m512 load(const std::int32_t* x) { return _mm512_cvtepi32_ps(_mm512_loadu_si512(x)); }
inline __m512 load(const std::int32_t* x, LaneMask lanes) {
  return _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(lanes, x));
}
inline void store(float* out, __m512 y) { _mm512_storeu_ps(out, y); }
inline void store(float* out, __m512 y, LaneMask lanes) { _mm512_mask_storeu_ps(out, lanes, y); }

// One step on kVectors vectors of channels in each of kRows rows. vmaxps(a, b) is a > b ? a : b, so
// the operand comes first for y to survive ties and NaN.
template <int kRows, int kVectors>
inline void apply(const EpilogueStep& step, std::ptrdiff_t c, __m512 (&y)[kRows][kVectors]) {
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const __m512 operand = _mm512_loadu_ps(step.operand + c + v * kLanes);
    switch (step.kind) {
      case EpilogueKind::add:
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) y[r][v] = _mm512_add_ps(y[r][v], operand);
        break;
      case EpilogueKind::mul:
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) y[r][v] = _mm512_mul_ps(y[r][v], operand);
        break;
      case EpilogueKind::max:
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) y[r][v] = _mm512_max_ps(operand, y[r][v]);
        break;
      case EpilogueKind::min:
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) y[r][v] = _mm512_min_ps(operand, y[r][v]);
        break;
    }
  }
}

// kRows rows × kVectors vectors from channel c on, in registers over all steps.
template <int kRows, int kVectors, class Acc, class... Mask>
inline void block(const Acc* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t c,
                  const EpilogueStep* steps, int step_count, float* out, std::ptrdiff_t out_stride,
                  Mask... lanes) {
  __m512 y_f32x16[kRows][kVectors];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      y_f32x16[r][v] = load(acc + r * acc_stride + c + v * kLanes, lanes...);
    }
  }
  for (int s = 0; s < step_count; ++s) apply(steps[s], c, y_f32x16);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      store(out + r * out_stride + c + v * kLanes, y_f32x16[r][v], lanes...);
    }
  }
}

// All channels of kRows rows.
template <int kRows, class Acc>
void rows_of(const Acc* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t channels,
             const EpilogueStep* steps, int step_count, float* out, std::ptrdiff_t out_stride) {
  constexpr int kVectors = 4 / kRows;
  std::ptrdiff_t c = 0;
  for (; c + kVectors * kLanes <= channels; c += kVectors * kLanes) {
    block<kRows, kVectors>(acc, acc_stride, c, steps, step_count, out, out_stride);
  }
  for (; c + kLanes <= channels; c += kLanes) {
    block<kRows, 1>(acc, acc_stride, c, steps, step_count, out, out_stride);
  }
  if (c < channels) {
    block<kRows, 1>(acc, acc_stride, c, steps, step_count, out, out_stride,
                    first_lanes(channels - c));
  }
}

template <class Acc>
void epilogue(const Acc* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
              std::ptrdiff_t channels, const EpilogueStep* steps, int step_count, float* out,
              std::ptrdiff_t out_stride) {
  std::ptrdiff_t p = 0;
  for (; p + 4 <= rows; p += 4) {
    rows_of<4>(acc + p * acc_stride, acc_stride, channels, steps, step_count, out + p * out_stride,
               out_stride);
  }
  for (; p < rows; ++p) {
    rows_of<1>(acc + p * acc_stride, acc_stride, channels, steps, step_count, out + p * out_stride,
               out_stride);
  }
}

}  // namespace

void epilogue_f32_avx512bw(const float* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                           std::ptrdiff_t channels, const EpilogueStep* steps, int step_count,
                           float* out, std::ptrdiff_t out_stride) {
  epilogue(acc, acc_stride, rows, channels, steps, step_count, out, out_stride);
}

void epilogue_i32_avx512bw(const std::int32_t* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                           std::ptrdiff_t channels, const EpilogueStep* steps, int step_count,
                           float* out, std::ptrdiff_t out_stride) {
  epilogue(acc, acc_stride, rows, channels, steps, step_count, out, out_stride);
}

}  // namespace bnn
