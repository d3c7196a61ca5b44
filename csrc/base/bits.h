// THE bit convention of the whole engine. Everything that packs, reads or writes bits includes
// this.
//
// A low-bit tensor is  c0 + Σ_p c_p · b_p  with every plane b_p ∈ {−1, +1}; one bit holds one
// element:
//
//     bit 0 = +1        bit 1 = −1
//
// so that xor counts disagreements, and for K elements
//
//     dot(a, b) = (K − disagreements) − disagreements = K − 2 · popcount(a xor b).
//
// Value sets as planes (all constants c leave a sum as affine terms known at load time):
//
//     {−1, +1}            1 plane   c0 = 0    c = 1
//     {−α, +α}            1 plane   c0 = 0    c = α
//     {0, 1} weights      1 plane   c0 = ½    c = ½
//     {−1, 0, +1} weights 2 planes  c0 = 0    c = ½, ½      (0 is one +1 and one −1)
//     n-bit unsigned      n planes  c_p = −2^p / 2,  c0 = (2^n − 1) / 2     (bit p is digit p)
//
// Activations of {−1, 0, +1} are a plane of signs and a mask, which is 1 where the element is not
// 0:
//
//     dot(a, b) = popcount(m) − 2 · popcount((a xor b) and m).
//
// Layout: a plane of an activation tensor is [N, spatial..., C] (channels last), one pixel =
// words_for(C) 64-bit words, channel c at bit c % 64 of word c / 64 (so byte c / 8, bit c % 8 on
// the little-endian machines the engine supports); the planes of a tensor follow each other. The
// tail bits of the last word of a pixel are 0 in activations AND in weights: they xor to 0, so K
// counts real channels only. Tail bits of a mask are 0.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

inline constexpr std::ptrdiff_t kWordBits = 64;
inline constexpr std::ptrdiff_t kWordBytes = 8;

// 64-bit words that hold one pixel of `channels` channels.
constexpr std::ptrdiff_t words_for(std::ptrdiff_t channels) {
  return (channels + kWordBits - 1) / kWordBits;
}

}  // namespace bnn
