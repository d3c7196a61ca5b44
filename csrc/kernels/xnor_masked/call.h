// A call of family xnor_masked, for the loops. Internal linkage: each file needs its own copy,
// compiled with its own flags.
//
// With  valid = Σ popcount(m)  and  differ = Σ popcount((x xor w) and m), doubled likewise,
//
//     acc = valid − 2 · differ.
//
// Where only one operand has masks, valid depends on nothing else: it is counted once per row, or
// once per lane vector, before the tiles.
#pragma once

#include "kernels/xnor_masked/xnor_masked.h"

namespace bnn {
namespace {

struct Call {
  const std::uint64_t* input;
  const std::ptrdiff_t* inputs;
  std::ptrdiff_t input_mask;
  const Segment* segments;
  int segment_count;
  const std::uint64_t* weights;
  std::ptrdiff_t vector_stride;
  std::ptrdiff_t weight_mask;
  std::int32_t* acc;
  std::ptrdiff_t acc_stride;
};

}  // namespace
}  // namespace bnn
