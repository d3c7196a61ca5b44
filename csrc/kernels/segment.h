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
//
// Numbers of several bits are a weighted sum of planes of bits (base/bits.h). Their dot product is
// the sum over planes by Horner's rule: the segments list the most significant plane first, and the
// first segment of each further plane doubles what was summed before it, as often as the weights of
// the two planes are apart. Planes of both operands are listed by falling weight of their product.
#pragma once

#include <cstddef>

namespace bnn {

struct Segment {
  std::ptrdiff_t input;   // offset of the first element from the row's origin
  std::ptrdiff_t weight;  // index of the first element along K
  std::ptrdiff_t length;  // number of elements, at least 1
  // How often the sum over all earlier segments is doubled before this one is added. Families whose
  // input is bits do so; those of numbers ignore it.
  int doublings = 0;
};

// Lane vectors of output channels that one kernel call may cover.
inline constexpr int kMaxVectors = 4;

// Rows that one kernel call may cover. Bounds the accumulator tile: kMaxRows x kMaxVectors x 16
// lanes.
inline constexpr int kMaxRows = 32;

}  // namespace bnn
