#include <arm_neon.h>

#include "kernels/epilogue/epilogue.h"

namespace bnn {
namespace {

constexpr std::ptrdiff_t kLanes = 4;   // f32x4
constexpr std::ptrdiff_t kBlock = 16;  // channels in registers at a time; operands reach that far
constexpr int kVectors = kBlock / kLanes;

inline float32x4_t load(const float* x) { return vld1q_f32(x); }
inline float32x4_t load(const std::int32_t* x) { return vcvtq_f32_s32(vld1q_s32(x)); }

// One step on a block of channels. Where y is NaN the comparisons are false and y stays.
inline void apply(const EpilogueStep& step, std::ptrdiff_t c, float32x4_t (&y)[kVectors]) {
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const float32x4_t operand = vld1q_f32(step.operand + c + v * kLanes);
    switch (step.kind) {
      case EpilogueKind::add:
        y[v] = vaddq_f32(y[v], operand);
        break;
      case EpilogueKind::mul:
        y[v] = vmulq_f32(y[v], operand);
        break;
      case EpilogueKind::max:
        y[v] = vbslq_f32(vcltq_f32(y[v], operand), operand, y[v]);
        break;
      case EpilogueKind::min:
        y[v] = vbslq_f32(vcgtq_f32(y[v], operand), operand, y[v]);
        break;
    }
  }
}

// Channels c to c + 16, in registers over all steps.
template <class Acc>
inline void block(const Acc* acc, std::ptrdiff_t c, const EpilogueStep* steps, int step_count,
                  float* out) {
  float32x4_t y_f32x4[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) y_f32x4[v] = load(acc + v * kLanes);
  for (int s = 0; s < step_count; ++s) apply(steps[s], c, y_f32x4);
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) vst1q_f32(out + v * kLanes, y_f32x4[v]);
}

template <class Acc>
void epilogue(const Acc* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
              std::ptrdiff_t channels, const EpilogueStep* steps, int step_count, float* out,
              std::ptrdiff_t out_stride) {
  const std::ptrdiff_t full = channels / kBlock * kBlock;
  const std::ptrdiff_t tail = channels - full;
  for (std::ptrdiff_t p = 0; p < rows; ++p, acc += acc_stride, out += out_stride) {
    for (std::ptrdiff_t c = 0; c < full; c += kBlock) {
      block(acc + c, c, steps, step_count, out + c);
    }
    if (tail != 0) {
      Acc in_tail[kBlock] = {};
      float out_tail[kBlock];
      for (std::ptrdiff_t i = 0; i < tail; ++i) in_tail[i] = acc[full + i];
      block(in_tail, full, steps, step_count, out_tail);
      for (std::ptrdiff_t i = 0; i < tail; ++i) out[full + i] = out_tail[i];
    }
  }
}

}  // namespace

void epilogue_f32_neon(const float* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                       std::ptrdiff_t channels, const EpilogueStep* steps, int step_count,
                       float* out, std::ptrdiff_t out_stride) {
  epilogue(acc, acc_stride, rows, channels, steps, step_count, out, out_stride);
}

void epilogue_i32_neon(const std::int32_t* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                       std::ptrdiff_t channels, const EpilogueStep* steps, int step_count,
                       float* out, std::ptrdiff_t out_stride) {
  epilogue(acc, acc_stride, rows, channels, steps, step_count, out, out_stride);
}

}  // namespace bnn
