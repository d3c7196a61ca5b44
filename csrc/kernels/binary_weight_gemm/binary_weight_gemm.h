// Family binary_weight_gemm: float rows times ±1 weights that stay bits in memory (first layers,
// W1A32).
//
//   acc[r·acc_stride + v·lanes + l] =
//       Σ_s Σ_{k < s.length} ± input[r·row_stride + s.input + k],
//       the sign being − where bit l of weights[v·vector_stride + s.weight + k] is 1 (base/bits.h)
//
//   0 ≤ r < rows ≤ kMaxRows      0 ≤ v < vectors ≤ kMaxVectors      0 ≤ l < lanes (8 or 16)
//
// Every (r, lane) is ONE chain of additions in segment order from +0 (multiplying by ±1 is exact,
// so an FMA with ±1 is the same number): its bits depend neither on rows, vectors nor variant. Sums
// of integers below 2^24 are exact. inf and NaN propagate as in the sum above (never computed as S
// − 2·S₁).
//
// Weights: `vectors` blocks of [K] 16-bit lane masks (variants with 8 lanes use the low byte),
// channels beyond the last one 0; 64-byte aligned blocks. Input: 4-byte aligned; exactly the floats
// under the segments are read.
// acc: 64-byte aligned, acc_stride a multiple of 16; does not alias input or weights.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/segment.h"

namespace bnn {

using BinaryWeightGemmFn = void (*)(const float* input, std::ptrdiff_t row_stride, int rows,
                                    const Segment* segments, int segment_count,
                                    const std::uint16_t* weights, std::ptrdiff_t vector_stride,
                                    int vectors, float* acc, std::ptrdiff_t acc_stride);

}  // namespace bnn
