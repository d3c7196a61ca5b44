// What every dot-product kernel reads of its input: a list of contiguous runs.
//
// A dense layer is one run of K elements. A convolution window is one run per tap (or per row of
// taps, where neighbouring taps are adjacent in memory); taps that fall outside the image are
// simply not in the list, which makes zero padding exact for every number format without storing a
// zero.
//
// `input` is relative to the start of a row (an output pixel's origin) and may be negative; the
// element is one float or byte for kernels of numbers and one 64-bit word for packed ones. `weight`
// counts the same unit along K. Rows share the list: a kernel call covers only pixels whose windows
// are clipped alike.
#pragma once

#include <cstddef>

namespace bnn {

struct Segment {
  std::ptrdiff_t input;   // offset of the first element from the row's origin
  std::ptrdiff_t weight;  // index of the first element along K
  std::ptrdiff_t length;  // number of elements
};

// Lane vectors of output channels that one kernel call may cover.
inline constexpr int kMaxVectors = 4;

// Rows that one kernel call may cover. Bounds the accumulator tile: kMaxRows x kMaxVectors x 16
// lanes.
inline constexpr int kMaxRows = 32;

}  // namespace bnn
