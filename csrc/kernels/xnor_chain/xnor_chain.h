// Family xnor_chain: dot products of packed ±1 rows with packed ±1 weights, like xnor_gemm, at five
// vector operations per two words instead of six: words are added to each other with full adders
// before they are counted, and both operands are stored in a form that makes the adders cheap.
//
// The algebra. A chain is a sequence of n words; x_k = a_k xor w_k, k = 0 … n−1, are the
// disagreements to count. Let s_k = x_0 ^ … ^ x_k, the running parity of every bit position. A full
// adder takes the parity so far and two more words,
//
//     s_{k} + x_{k+1} + x_{k+2}  =  s_{k+2} + 2 · carry          (per bit position, as integers)
//     carry = majority(s_k, x_{k+1}, x_{k+2})
//
// so that, applied to the pairs (x_1, x_2), (x_3, x_4), … of an odd n and summed over the bits,
//
//     popcount(x_0) + … + popcount(x_{n−1})  =  popcount(s_{n−1}) + 2 · Σ popcount(carry).
//
// One popcount per two words. The parities cost a single xor each, because
// s_k = (a_0 ^ … ^ a_k) xor (w_0 ^ … ^ w_k): these prefixes do not depend on the other operand and
// are stored *instead of* the words with an even index. x_{k+2} itself is then not needed: where
// s_k = x_{k+1} the majority is s_k; elsewhere it is x_{k+2} = s_{k+2} ^ s_k ^ x_{k+1} = ~s_{k+2}.
//
//     carry = s_k == x_{k+1} ? s_k : ~s_{k+2}
//
// The last word of an even n is counted as it is.
//
// Chain layout, of inputs and weights alike: element k of a chain holds
//
//     a_0 ^ a_1 ^ … ^ a_k   where k is even        (ops/chain_layout.h makes it)
//     a_k                   where k is odd
//
// The first m elements of a chain are again a chain, of its first m words.
//
//     acc(r, v, l) = valid − 2 · ones
//     ones = 0;   for each segment s in order:
//         ones = ones · 2^s.doublings + Σ_{k < s.length} popcount(a_k xor w_k)
//     of the words that are stored as
//         input[inputs[r] + s.input + k]   and
//         weights[v·vector_stride + (s.weight + k)·lanes + l]
//
//     0 ≤ r < rows      0 ≤ v < vectors      0 ≤ l < lanes = 8
//
// xnor_chain stores       acc[r·acc_stride + v·lanes + l] = acc(r, v, l).
// xnor_chain_f32 stores   out[outputs[r] + v·lanes + l] = y   where v·lanes + l < channels, with
//                         y = float(acc(r, v, l)), then y · scale[v·lanes + l] where there is a
//                         scale, then y + shift[v·lanes + l] where there is a shift: one correctly
//                         rounded operation each, as in kernels/epilogue/epilogue.h.
// xnor_chain_bits stores  out[outputs[r] + v] = byte, one per row and lane vector, whose bit l is
//                         (acc(r, v, l) ≤ limit[v·lanes + l]) xor (bit l of flips[v]). limit
//                         INT32_MIN and flip 0 make the bit 0 in any case,
// which is what channels beyond the last one need.
//
// Weights: aligned to 64 bytes, vector_stride a multiple of 8 words. Input: 8-byte aligned words;
// exactly the elements under the segments are read. Every segment is one chain of length ≥ 1;
// there may be none. acc:
// 64-byte aligned, acc_stride a multiple of 16. limit, scale, shift: 64-byte aligned, readable for
// `vectors` vectors, as flips is; scale and shift may be null. Outputs do not alias operands.
// Bound: `ones` stays below 2^30 even where every bit of the words disagrees (callers check), and
// 0 ≤ valid < 2^30: all arithmetic is exact.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/segment.h"

namespace bnn {

using XnorChainFn = void (*)(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                             std::ptrdiff_t rows, const Segment* chains, int chain_count,
                             const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                             std::ptrdiff_t vectors, std::int32_t valid, std::int32_t* acc,
                             std::ptrdiff_t acc_stride);

using XnorChainF32Fn = void (*)(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                                std::ptrdiff_t rows, const Segment* chains, int chain_count,
                                const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                                std::ptrdiff_t vectors, std::int32_t valid, const float* scale,
                                const float* shift, std::ptrdiff_t channels, float* out,
                                const std::ptrdiff_t* outputs);

using XnorChainBitsFn = void (*)(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                                 std::ptrdiff_t rows, const Segment* chains, int chain_count,
                                 const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                                 std::ptrdiff_t vectors, std::int32_t valid,
                                 const std::int32_t* limit, const std::uint8_t* flips,
                                 std::uint8_t* out, const std::ptrdiff_t* outputs);

}  // namespace bnn
