// What the variants of family f32_gemm have in common beside kernels/dot_tiles.h. Internal linkage:
// each file needs its own copy, compiled with its own flags.
#pragma once

#include "kernels/dot_tiles.h"
#include "kernels/f32_gemm/f32_gemm.h"

namespace bnn {
namespace {

using Call = DotCall<float, float, float>;

// Base of an instruction set's Tiles, over its vectors V.
template <class V>
struct F32Weights : V {
  using Walk = EveryElement;
  static constexpr int kWeightStep = V::kLanes;
  static typename V::Vector weights(const float* w) { return V::load(w); }
};

}  // namespace
}  // namespace bnn
