// Family f32_gemm: dot products of float rows with float weights.
//
//   acc[r·acc_stride + v·lanes + l] =
//       Σ_s Σ_{k < s.length} x · w
//   x = input[r·row_stride + s.input + k]
//   w = weights[v·vector_stride + (s.weight + k)·lanes + l]
//
//   0 ≤ r < rows ≤ kMaxRows      0 ≤ v < vectors ≤ kMaxVectors      0 ≤ l < lanes (of the variant)
//
// Every (r, lane) is ONE chain of multiply-adds in segment order from +0: its bits depend neither
// on rows nor on vectors, so row i of a batch equals its batch-1 answer. (FMA or not is the
// variant's choice: |error| ≤ γ_K · Σ|input·weight|, γ_K = K·2⁻²⁴ / (1 − K·2⁻²⁴).) NaN and ±inf
// propagate as in the sum above.
//
// Weights: `vectors` blocks of [K][lanes] floats, aligned to 64 bytes, channels beyond the last one
// zero-filled. Input: 4-byte aligned; exactly the floats under the segments are read.
// acc: 64-byte aligned, acc_stride a multiple of 16; does not alias input or weights.
#pragma once

#include <cstddef>

#include "kernels/segment.h"

namespace bnn {

using F32GemmFn = void (*)(const float* input, std::ptrdiff_t row_stride, int rows,
                           const Segment* segments, int segment_count, const float* weights,
                           std::ptrdiff_t vector_stride, int vectors, float* acc,
                           std::ptrdiff_t acc_stride);

}  // namespace bnn
