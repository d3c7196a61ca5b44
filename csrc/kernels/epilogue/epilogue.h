// Family epilogue: the float arithmetic between an accumulator tile and a float tensor, per channel
// or with another tensor of the same rows.
//
//   y = float(acc[p·acc_stride + c]);
//   for each step s in order:  y = s(y, operand_s[c]),  or operand_s[p·row_stride_s + c] for
//   add_rows; out[p·out_stride + c] = y
//
//   0 ≤ p < rows      0 ≤ c < channels
//
// Each step is one correctly rounded float32 operation, never contracted to an FMA: ONNX Runtime's
// BatchNormalization is `mul s` then `add B` with s = gamma · (1 / sqrt(var + eps)) and
// B = beta − mean · s, and only this sequence gives its bits. int32 → float is one rounding, exact
// below 2^24. max/min return NaN when y is NaN (Relu(NaN) = NaN as in ONNX), and prelu keeps NaN
// and −0, as ONNX Runtime's PRelu and LeakyRelu do.
//
// operands: readable up to round_up(channels, 16) elements, 64-byte aligned; of add_rows: 4-byte
// aligned, only `channels` elements of each row are read. acc: only `channels` elements of each row
// are read. out: 4-byte aligned, only `channels` elements of each row are written; may be the same
// memory as acc when both strides are equal.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

enum class EpilogueKind : std::uint8_t {
  add,       // y + operand
  mul,       // y · operand
  div,       // y / operand
  max,       // y < operand ? operand : y
  min,       // y > operand ? operand : y
  prelu,     // y < 0 ? y · operand : y
  add_rows,  // y + operand, which is a tensor: a residual connection
};

struct EpilogueStep {
  EpilogueKind kind;
  const float* operand;           // [channels], or [rows][row_stride] of add_rows
  std::ptrdiff_t row_stride = 0;  // of add_rows
};

using EpilogueF32Fn = void (*)(const float* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                               std::ptrdiff_t channels, const EpilogueStep* steps, int step_count,
                               float* out, std::ptrdiff_t out_stride);

using EpilogueI32Fn = void (*)(const std::int32_t* acc, std::ptrdiff_t acc_stride,
                               std::ptrdiff_t rows, std::ptrdiff_t channels,
                               const EpilogueStep* steps, int step_count, float* out,
                               std::ptrdiff_t out_stride);

}  // namespace bnn
