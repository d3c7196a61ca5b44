// Family xnor_gemm: dot products of packed ±1 rows with packed ±1 weights.
//
//   acc[r·acc_stride + v·lanes + l] = valid − 2 · ones
//   ones = 0;   for each segment s in order:
//       ones = ones · 2^s.doublings + Σ_{k < s.length} popcount(x xor w)
//   x = input[r·row_stride + s.input + k]
//   w = weights[v·vector_stride + (s.weight + k)·lanes + l]
//
//   0 ≤ r < rows ≤ kMaxRows      0 ≤ v < vectors ≤ kMaxVectors      0 ≤ l < lanes (of the variant)
//
// `valid` is the number of real elements under the segments (K for a dense layer; valid taps ×
// channels for a window), each counted as often as its disagreement would be (2^ the doublings that
// follow it), so acc is the exact integer dot product (see base/bits.h).
//
// Output channels lie in lanes and an input word is broadcast: no horizontal sums.
// Weights: `vectors` blocks of [K words][lanes] 64-bit words, aligned to 64 bytes, channels beyond
// the last one zero-filled by the packer (their acc is meaningless and is never stored by callers).
// Input: 8-byte aligned words; exactly the words under the segments are read, nothing beyond them.
// acc: 64-byte aligned, acc_stride a multiple of 16; does not alias input or weights.
// Bound: `ones` stays below 2^30 even where every bit of the words disagrees (callers check), and
// 0 ≤ valid < 2^30: all arithmetic is exact.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/segment.h"

namespace bnn {

using XnorGemmFn = void (*)(const std::uint64_t* input, std::ptrdiff_t row_stride, int rows,
                            const Segment* segments, int segment_count,
                            const std::uint64_t* weights, std::ptrdiff_t vector_stride, int vectors,
                            std::int32_t valid, std::int32_t* acc, std::ptrdiff_t acc_stride);

}  // namespace bnn
