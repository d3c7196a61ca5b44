// Family pool: reductions of windows of pixels, channels last, for a row of output pixels.
//
//   max_f32:  out[p·channels + c] = max over i of inputs[i][p·stride + c]
//   sum_f32:  out[p·channels + c] = Σ_i inputs[i][p·stride + c], in order of i from inputs[0]
//   and_bits: out[p·words + w]    = AND over i of inputs[i][p·stride + w]
//   or_bits:  out[p·words + w]    = OR  over i of inputs[i][p·stride + w]
//
//   0 ≤ p < pixels      0 ≤ c < channels      0 ≤ w < words      0 ≤ i < count
//
// With bit 1 = −1 (base/bits.h) AND is the maximum of ±1 values and OR their minimum; tail bits
// stay 0. max_f32 ignores NaN unless every input is NaN, as ONNX Runtime's MaxPool does: m = the
// first input;  for i ≥ 1:  m = (isnan(m) or x > m) ? x : m. count ≥ 1. Exactly channels (words)
// elements of each input pixel are read; out does not alias an input.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

using PoolF32Fn = void (*)(const float* const* inputs, int count, std::ptrdiff_t stride,
                           std::ptrdiff_t pixels, std::ptrdiff_t channels, float* out);
using PoolBitsFn = void (*)(const std::uint64_t* const* inputs, int count, std::ptrdiff_t stride,
                            std::ptrdiff_t pixels, std::ptrdiff_t words, std::uint64_t* out);

}  // namespace bnn
