// Family epilogue: the per-channel float arithmetic between an accumulator tile and a float tensor.
//
//   y = float(acc[p·acc_stride + c]);   for each step s in order:  y = s(y, operand_s[c]);
//   out[p·out_stride + c] = y
//
//   0 ≤ p < rows      0 ≤ c < channels
//
// Each step is one correctly rounded float32 operation, never contracted to an FMA: ONNX Runtime's
// BatchNormalization is `mul s` then `add B` with s = gamma · (1 / sqrt(var + eps)) and
// B = beta − mean · s, and only this sequence gives its bits. int32 → float is one rounding, exact
// below 2^24. max/min return NaN when y is NaN (Relu(NaN) = NaN as in ONNX).
//
// operands: readable up to round_up(channels, 16) elements, 64-byte aligned. acc: only `channels`
// elements of each row are read. out: 4-byte aligned, only `channels` elements of each row are
// written; may be the same memory as acc when both strides are equal (F32 form).
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

enum class EpilogueKind : std::uint8_t {
  add,  // y + operand
  mul,  // y · operand
  div,  // y / operand
  max,  // y < operand ? operand : y
  min,  // y > operand ? operand : y
};

struct EpilogueStep {
  EpilogueKind kind;
  const float* operand;  // [channels]
};

using EpilogueF32Fn = void (*)(const float* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                               std::ptrdiff_t channels, const EpilogueStep* steps, int step_count,
                               float* out, std::ptrdiff_t out_stride);

using EpilogueI32Fn = void (*)(const std::int32_t* acc, std::ptrdiff_t acc_stride,
                               std::ptrdiff_t rows, std::ptrdiff_t channels,
                               const EpilogueStep* steps, int step_count, float* out,
                               std::ptrdiff_t out_stride);

}  // namespace bnn
