// The loops of family epilogue over the vectors of an instruction set (vectors/f32_<isa>.h).
// Internal linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include "kernels/epilogue/epilogue.h"

namespace bnn {
namespace {

// One step on kVectors vectors of channels in each of kRows rows. The operand comes first for y to
// survive ties and NaN.
template <class V, int kRows, int kVectors>
inline void apply(const EpilogueStep& step, std::ptrdiff_t c,
                  typename V::Vector (&y)[kRows][kVectors]) {
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const typename V::Vector operand = V::load(step.operand + c + v * V::kLanes);
    switch (step.kind) {
      case EpilogueKind::add:
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) y[r][v] = V::add(y[r][v], operand);
        break;
      case EpilogueKind::mul:
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) y[r][v] = V::mul(y[r][v], operand);
        break;
      case EpilogueKind::div:
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) y[r][v] = V::div(y[r][v], operand);
        break;
      case EpilogueKind::max:
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) y[r][v] = V::larger(operand, y[r][v]);
        break;
      case EpilogueKind::min:
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) y[r][v] = V::smaller(operand, y[r][v]);
        break;
    }
  }
}

// kRows rows × kVectors vectors from channel c on, in registers over all steps.
template <class V, int kRows, int kVectors, class Acc, class... Tail>
inline void block(const Acc* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t c,
                  const EpilogueStep* steps, int step_count, float* out, std::ptrdiff_t out_stride,
                  Tail... lanes) {
  typename V::Vector y[kRows][kVectors];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      y[r][v] = V::load(acc + r * acc_stride + c + v * V::kLanes, lanes...);
    }
  }
  for (int s = 0; s < step_count; ++s) apply<V>(steps[s], c, y);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      V::store(out + r * out_stride + c + v * V::kLanes, y[r][v], lanes...);
    }
  }
}

// All channels of kRows rows.
template <class V, int kRows, class Acc>
void rows_of(const Acc* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t channels,
             const EpilogueStep* steps, int step_count, float* out, std::ptrdiff_t out_stride) {
  constexpr int kVectors = 4 / kRows;
  std::ptrdiff_t c = 0;
  for (; c + kVectors * V::kLanes <= channels; c += kVectors * V::kLanes) {
    block<V, kRows, kVectors>(acc, acc_stride, c, steps, step_count, out, out_stride);
  }
  for (; c + V::kLanes <= channels; c += V::kLanes) {
    block<V, kRows, 1>(acc, acc_stride, c, steps, step_count, out, out_stride);
  }
  if (c < channels) {
    block<V, kRows, 1>(acc, acc_stride, c, steps, step_count, out, out_stride,
                       V::tail(channels - c));
  }
}

template <class V, class Acc>
void epilogue(const Acc* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
              std::ptrdiff_t channels, const EpilogueStep* steps, int step_count, float* out,
              std::ptrdiff_t out_stride) {
  std::ptrdiff_t p = 0;
  for (; p + 4 <= rows; p += 4) {
    rows_of<V, 4>(acc + p * acc_stride, acc_stride, channels, steps, step_count,
                  out + p * out_stride, out_stride);
  }
  for (; p < rows; ++p) {
    rows_of<V, 1>(acc + p * acc_stride, acc_stride, channels, steps, step_count,
                  out + p * out_stride, out_stride);
  }
}

}  // namespace
}  // namespace bnn
