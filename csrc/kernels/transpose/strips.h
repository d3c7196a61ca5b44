// The loops of family transpose over strips of rows that fill a float vector (vectors/f32_<isa>.h).
// Internal linkage: each file needs its own copy, compiled with its own flags.
//
// What an instruction set adds is
//
//   Turn::columns(in, in_stride, last, out)      out[c] = in[r·in_stride + c],  r in lanes, c < 4
//
// where rows behind `last` read row `last` again.
#pragma once

#include "kernels/transpose/transpose.h"

namespace bnn {
namespace {

constexpr std::ptrdiff_t kTurned = 4;  // columns at a time
constexpr std::ptrdiff_t kLine = 16;   // floats of a cache line, written as one

// Where the piece at `next` starts so that it stays below `extent`: the last one reaches back over
// its neighbour, and both store the same there.
inline std::ptrdiff_t start(std::ptrdiff_t next, std::ptrdiff_t size, std::ptrdiff_t extent) {
  return next + size <= extent ? next : extent - size;
}

template <class V, class Turn, class... Tail>
inline void turn_store(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t last, float* out,
                       std::ptrdiff_t out_stride, Tail... rows) {
  typename V::Vector turned[kTurned];
  Turn::columns(in, in_stride, last, turned);
#pragma GCC unroll 4
  for (int i = 0; i < kTurned; ++i) V::store(out + i * out_stride, turned[i], rows...);
}

template <class V, class Turn>
void transpose(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t rows,
               std::ptrdiff_t columns, float* out, std::ptrdiff_t out_stride) {
  if (columns < kTurned) {
    for (std::ptrdiff_t c = 0; c < columns; ++c) {
      for (std::ptrdiff_t r = 0; r < rows; ++r) out[c * out_stride + r] = in[r * in_stride + c];
    }
    return;
  }
  if (rows < V::kLanes) {
    for (std::ptrdiff_t j = 0; j < columns; j += kTurned) {
      const std::ptrdiff_t c = start(j, kTurned, columns);
      turn_store<V, Turn>(in + c, in_stride, rows - 1, out + c * out_stride, out_stride,
                          V::tail(rows));
    }
    return;
  }
  // Output lines are finished one after the other: at strides that are powers of two only a few of
  // them fit L1 at once.
  for (std::ptrdiff_t i = 0; i < rows; i += kLine) {
    for (std::ptrdiff_t j = 0; j < columns; j += kTurned) {
      const std::ptrdiff_t c = start(j, kTurned, columns);
      for (std::ptrdiff_t s = i; s < i + kLine && s < rows; s += V::kLanes) {
        const std::ptrdiff_t r = start(s, V::kLanes, rows);
        turn_store<V, Turn>(in + r * in_stride + c, in_stride, V::kLanes - 1,
                            out + c * out_stride + r, out_stride);
      }
    }
  }
}

}  // namespace
}  // namespace bnn
