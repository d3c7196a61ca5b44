// The loops of family epilogue over the vectors of an instruction set (vectors/f32_<isa>.h).
// Internal linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include "kernels/epilogue/epilogue.h"

namespace bnn {
namespace {

// One step on vectors of channels from c on, in kRows rows from `row` on. The operand of max and
// min comes first for y to survive ties and NaN.
template <class V, int kRows, int kVectors, class... Tail>
inline void apply(const EpilogueStep& step, std::ptrdiff_t row, std::ptrdiff_t c,
                  typename V::Vector (&y)[kRows][kVectors], Tail... lanes) {
  using Vector = typename V::Vector;
  if (step.kind == EpilogueKind::add_rows) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const float* operand = step.operand + (row + r) * step.row_stride + c;
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        y[r][v] = V::add(y[r][v], V::load(operand + v * V::kLanes, lanes...));
      }
    }
    return;
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    const Vector operand = V::load(step.operand + c + v * V::kLanes);
    const auto each_row = [&](auto combine) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) y[r][v] = combine(y[r][v]);
    };
    switch (step.kind) {
      case EpilogueKind::add:
        each_row([&](Vector x) { return V::add(x, operand); });
        break;
      case EpilogueKind::mul:
        each_row([&](Vector x) { return V::mul(x, operand); });
        break;
      case EpilogueKind::div:
        each_row([&](Vector x) { return V::div(x, operand); });
        break;
      case EpilogueKind::max:
        each_row([&](Vector x) { return V::larger(operand, x); });
        break;
      case EpilogueKind::min:
        each_row([&](Vector x) { return V::smaller(operand, x); });
        break;
      case EpilogueKind::prelu:
        each_row([&](Vector x) { return V::where_negative(x, V::mul(x, operand), x); });
        break;
      case EpilogueKind::add_rows:
        break;
    }
  }
}

// Rows [row, row + kRows) × kVectors vectors from channel c on, in registers over all steps.
template <class V, int kRows, int kVectors, class Acc, class... Tail>
inline void block(const Acc* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t row, std::ptrdiff_t c,
                  const EpilogueStep* steps, int step_count, float* out, std::ptrdiff_t out_stride,
                  Tail... lanes) {
  typename V::Vector y[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      y[r][v] = V::load(acc + (row + r) * acc_stride + c + v * V::kLanes, lanes...);
    }
  }
  for (int s = 0; s < step_count; ++s) apply<V>(steps[s], row, c, y, lanes...);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      V::store(out + (row + r) * out_stride + c + v * V::kLanes, y[r][v], lanes...);
    }
  }
}

// All channels of rows [row, row + kRows).
template <class V, int kRows, class Acc>
void rows_of(const Acc* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t row, std::ptrdiff_t channels,
             const EpilogueStep* steps, int step_count, float* out, std::ptrdiff_t out_stride) {
  constexpr int kVectors = V::kHeld / kRows;
  std::ptrdiff_t c = 0;
  for (; c + kVectors * V::kLanes <= channels; c += kVectors * V::kLanes) {
    block<V, kRows, kVectors>(acc, acc_stride, row, c, steps, step_count, out, out_stride);
  }
  for (; c + V::kLanes <= channels; c += V::kLanes) {
    block<V, kRows, 1>(acc, acc_stride, row, c, steps, step_count, out, out_stride);
  }
  if (c < channels) {
    block<V, kRows, 1>(acc, acc_stride, row, c, steps, step_count, out, out_stride,
                       V::tail(channels - c));
  }
}

template <class V, class Acc>
void epilogue(const Acc* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
              std::ptrdiff_t channels, const EpilogueStep* steps, int step_count, float* out,
              std::ptrdiff_t out_stride) {
  std::ptrdiff_t p = 0;
  for (; p + 4 <= rows; p += 4) {
    rows_of<V, 4>(acc, acc_stride, p, channels, steps, step_count, out, out_stride);
  }
  for (; p < rows; ++p) {
    rows_of<V, 1>(acc, acc_stride, p, channels, steps, step_count, out, out_stride);
  }
}

}  // namespace
}  // namespace bnn
