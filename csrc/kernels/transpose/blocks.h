// The loops of family transpose over square blocks of an instruction set, with its float vectors
// (vectors/f32_<isa>.h) for what is smaller than a block. Internal linkage: each file needs its own
// copy, compiled with its own flags.
#pragma once

#include "kernels/transpose/transpose.h"

namespace bnn {
namespace {

// A block of rows × columns, at least one of which is less than the side.
template <class V, class Block>
void partial_block(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t rows,
                   std::ptrdiff_t columns, float* out, std::ptrdiff_t out_stride) {
  constexpr std::ptrdiff_t kSide = V::kLanes;
  if (rows < 4 || columns < 4) {
    for (std::ptrdiff_t c = 0; c < columns; ++c) {
      for (std::ptrdiff_t r = 0; r < rows; ++r) out[c * out_stride + r] = in[r * in_stride + c];
    }
    return;
  }
  alignas(64) float whole[kSide * kSide];
  alignas(64) float turned[kSide * kSide];
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    V::store(whole + r * kSide, columns < kSide ? V::load(in + r * in_stride, V::tail(columns))
                                                : V::load(in + r * in_stride));
  }
  for (std::ptrdiff_t r = rows; r < kSide; ++r) V::store(whole + r * kSide, V::zero());
  Block::transpose(whole, kSide, turned, kSide);
  for (std::ptrdiff_t c = 0; c < columns; ++c) {
    const typename V::Vector column = V::load(turned + c * kSide);
    if (rows < kSide) {
      V::store(out + c * out_stride, column, V::tail(rows));
    } else {
      V::store(out + c * out_stride, column);
    }
  }
}

// Where the block that starts at `at` of `extent` really starts: the last one reaches back over its
// neighbour, and both store the same there.
template <class V>
inline std::ptrdiff_t block_start(std::ptrdiff_t at, std::ptrdiff_t extent) {
  const std::ptrdiff_t last = extent - V::kLanes;
  return at < last ? at : last;
}

template <class V, class Block>
void transpose(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t rows,
               std::ptrdiff_t columns, float* out, std::ptrdiff_t out_stride) {
  constexpr std::ptrdiff_t kSide = V::kLanes;
  if (rows >= kSide && columns >= kSide) {
    for (std::ptrdiff_t i = 0; i < rows; i += kSide) {
      const std::ptrdiff_t r = block_start<V>(i, rows);
      for (std::ptrdiff_t j = 0; j < columns; j += kSide) {
        const std::ptrdiff_t c = block_start<V>(j, columns);
        Block::transpose(in + r * in_stride + c, in_stride, out + c * out_stride + r, out_stride);
      }
    }
    return;
  }
  for (std::ptrdiff_t r = 0; r < rows; r += kSide) {
    for (std::ptrdiff_t c = 0; c < columns; c += kSide) {
      const std::ptrdiff_t height = rows - r < kSide ? rows - r : kSide;
      const std::ptrdiff_t width = columns - c < kSide ? columns - c : kSide;
      partial_block<V, Block>(in + r * in_stride + c, in_stride, height, width,
                              out + c * out_stride + r, out_stride);
    }
  }
}

}  // namespace
}  // namespace bnn
