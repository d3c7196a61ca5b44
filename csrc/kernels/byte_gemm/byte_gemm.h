// Family byte_gemm: rows of 8-bit integers times ±1 weights that stay bits in memory (first layers
// on images as they come, W1A8).
//
//   acc[r·acc_stride + v·16 + l] =
//       Σ_s Σ_{k < s.length} ± input[r·row_stride + s.input + k],
//       the sign being − where the bit of weight s.weight + k and lane l is 1 (base/bits.h)
//
//   0 ≤ r < rows ≤ kMaxRows      0 ≤ v < vectors ≤ kMaxVectors      0 ≤ l < 16
//
// Exact: at most 2^23 − 1 elements lie under the segments, so that sums of their doubles, which
// variants may form, stay inside int32.
//
// Weights: `vectors` blocks, 64-byte aligned, of groups of four weights along K for 16 lanes: bit
// 4·l + k % 4 of word k / 4 belongs to weight k of lane l, which is how instructions that add four
// products of bytes to a lane want them. Segments may start at any weight, so one word beyond a
// segment's last is readable; what it and the unused bits and lanes hold does not matter.
// Input: exactly the bytes under the segments are read.
// acc: 64-byte aligned, acc_stride a multiple of 16; does not alias input or weights.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/segment.h"

namespace bnn {

// Weights along K in one word.
inline constexpr std::ptrdiff_t kByteGemmGroup = 4;

using ByteGemmU8Fn = void (*)(const std::uint8_t* input, std::ptrdiff_t row_stride, int rows,
                              const Segment* segments, int segment_count,
                              const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                              int vectors, std::int32_t* acc, std::ptrdiff_t acc_stride);

using ByteGemmI8Fn = void (*)(const std::int8_t* input, std::ptrdiff_t row_stride, int rows,
                              const Segment* segments, int segment_count,
                              const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                              int vectors, std::int32_t* acc, std::ptrdiff_t acc_stride);

}  // namespace bnn
