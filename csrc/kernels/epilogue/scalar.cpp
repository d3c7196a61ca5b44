#include "kernels/epilogue/epilogue.h"

namespace bnn {
namespace {

constexpr std::ptrdiff_t kBlock =
    16;  // channels per pass over the steps; operands are readable that far

inline void apply(const EpilogueStep& step, std::ptrdiff_t c, float* y) {
  const float* operand = step.operand + c;
  switch (step.kind) {
    case EpilogueKind::add:
      for (std::ptrdiff_t i = 0; i < kBlock; ++i) y[i] = y[i] + operand[i];
      break;
    case EpilogueKind::mul:
      for (std::ptrdiff_t i = 0; i < kBlock; ++i) y[i] = y[i] * operand[i];
      break;
    case EpilogueKind::max:
      for (std::ptrdiff_t i = 0; i < kBlock; ++i) y[i] = y[i] < operand[i] ? operand[i] : y[i];
      break;
    case EpilogueKind::min:
      for (std::ptrdiff_t i = 0; i < kBlock; ++i) y[i] = y[i] > operand[i] ? operand[i] : y[i];
      break;
  }
}

template <class Acc>
void epilogue(const Acc* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
              std::ptrdiff_t channels, const EpilogueStep* steps, int step_count, float* out,
              std::ptrdiff_t out_stride) {
  for (std::ptrdiff_t p = 0; p < rows; ++p) {
    for (std::ptrdiff_t c = 0; c < channels; c += kBlock) {
      const Acc* in = acc + p * acc_stride + c;
      float* to = out + p * out_stride + c;
      const std::ptrdiff_t count = channels - c < kBlock ? channels - c : kBlock;
      float y[kBlock] = {};
      if (count == kBlock) {
        for (std::ptrdiff_t i = 0; i < kBlock; ++i) y[i] = static_cast<float>(in[i]);
      } else {
        for (std::ptrdiff_t i = 0; i < count; ++i) y[i] = static_cast<float>(in[i]);
      }
      for (int s = 0; s < step_count; ++s) apply(steps[s], c, y);
      if (count == kBlock) {
        for (std::ptrdiff_t i = 0; i < kBlock; ++i) to[i] = y[i];
      } else {
        for (std::ptrdiff_t i = 0; i < count; ++i) to[i] = y[i];
      }
    }
  }
}

}  // namespace

void epilogue_f32_scalar(const float* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                         std::ptrdiff_t channels, const EpilogueStep* steps, int step_count,
                         float* out, std::ptrdiff_t out_stride) {
  epilogue(acc, acc_stride, rows, channels, steps, step_count, out, out_stride);
}

void epilogue_i32_scalar(const std::int32_t* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                         std::ptrdiff_t channels, const EpilogueStep* steps, int step_count,
                         float* out, std::ptrdiff_t out_stride) {
  epilogue(acc, acc_stride, rows, channels, steps, step_count, out, out_stride);
}

}  // namespace bnn
