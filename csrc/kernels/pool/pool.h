// Family pool: reductions of a window's pixels, channels last.
//
//   max_f32:  out[c] = max over i of inputs[i][c]           0 ≤ c < channels
//   sum_f32:  out[c] = Σ_i inputs[i][c], in order of i from inputs[0]
//   and_bits: out[w] = AND over i of inputs[i][w]           0 ≤ w < words
//   or_bits:  out[w] = OR  over i of inputs[i][w]
//
// With bit 1 = −1 (base/bits.h) AND is the maximum of ±1 values and OR their minimum; tail bits
// stay 0. max_f32 ignores NaN unless every input is NaN, as ONNX Runtime's MaxPool does: m =
// inputs[0][c];  for i ≥ 1:  m = (isnan(m) or x > m) ? x : m. count ≥ 1. Exactly channels (words)
// elements of each input are read and of out are written; out does not alias an input.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

using PoolF32Fn = void (*)(const float* const* inputs, int count, std::ptrdiff_t channels,
                           float* out);
using PoolBitsFn = void (*)(const std::uint64_t* const* inputs, int count, std::ptrdiff_t words,
                            std::uint64_t* out);

}  // namespace bnn
