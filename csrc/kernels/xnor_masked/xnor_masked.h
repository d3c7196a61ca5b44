// Family xnor_masked: dot products of packed {−1, 0, +1} rows with packed {−1, 0, +1} weights, or
// of either with ±1: a second word, the mask, has a 1 where the element is not 0.
//
//   acc[r·acc_stride + v·lanes + l] = sum
//   sum = 0;   for each segment s in order:
//       sum = sum · 2^s.doublings + Σ_{k < s.length} (popcount(m) − 2 · popcount((x xor w) and m))
//   x = input[inputs[r] + s.input + k]
//   w = weights[v·vector_stride + (s.weight + k)·lanes + l]
//   m = input[inputs[r] + s.input + k + input_mask]                              (input_mask ≠ 0)
//       and weights[v·vector_stride + (s.weight + k)·lanes + l + weight_mask]    (weight_mask ≠ 0)
//
//   0 ≤ r < rows ≤ kMaxRows      0 ≤ v < vectors ≤ kMaxVectors      0 ≤ l < lanes (of the variant)
//
// A mask offset of 0 says that this operand has no mask; one of them has. Masks are 0 in tail bits,
// so that these count nothing; x and w may hold anything where m is 0.
//
// Weights: as in xnor_gemm, aligned to 64 bytes; vector_stride and weight_mask are multiples of 8
// words. Input: 8-byte aligned words; exactly the words under the segments and their masks are
// read. acc: 64-byte aligned, acc_stride a multiple of 16; does not alias input or weights.
// Bound: the sum of popcount(m), doubled likewise, stays below 2^30 (callers check), all arithmetic
// is exact.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/segment.h"

namespace bnn {

using XnorMaskedFn = void (*)(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                              std::ptrdiff_t rows, std::ptrdiff_t input_mask,
                              const Segment* segments, int segment_count,
                              const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                              std::ptrdiff_t vectors, std::ptrdiff_t weight_mask, std::int32_t* acc,
                              std::ptrdiff_t acc_stride);

}  // namespace bnn
