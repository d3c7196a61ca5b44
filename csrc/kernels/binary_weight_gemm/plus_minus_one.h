// What the variants of family binary_weight_gemm have in common beside kernels/dot_tiles.h.
// Internal linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include "kernels/binary_weight_gemm/binary_weight_gemm.h"
#include "kernels/dot_tiles.h"

namespace bnn {
namespace {

using Call = DotCall<float, std::uint16_t, float>;

// kBits lane bits as factors: +1 where the bit is 0, −1 where it is 1.
template <int kBits>
struct PlusMinusOne {
  alignas(4 * kBits) float factors[1 << kBits][kBits];

  constexpr PlusMinusOne() : factors() {
    for (int bits = 0; bits < 1 << kBits; ++bits) {
      for (int l = 0; l < kBits; ++l) factors[bits][l] = ((bits >> l) & 1) != 0 ? -1.0f : 1.0f;
    }
  }
};

template <int kBits>
constexpr PlusMinusOne<kBits> kPlusMinusOne;

// Base of an instruction set's Tiles, over its vectors V. The multiply-add with ±1 is an exactly
// rounded addition of ±x, with one rounding or two.
template <class V>
struct BinaryWeights : V {
  static constexpr int kWeightStep = 1;
};

}  // namespace
}  // namespace bnn
