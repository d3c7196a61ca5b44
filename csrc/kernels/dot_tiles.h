// The sweep of the dot-product kernels over rows and vectors, and the tile of the float ones.
// Internal linkage: each file needs its own copy, compiled with its own flags.
//
// Tiles, the parameter of the sweeps, is what an instruction set says of a family:
//
//   kMaxRows[kMaxVectors]           rows of a tile, by its vectors: as many sums as the registers
//                                   hold beside weights and input; 8 at most
//   tile<kRows, kVectors>(call, r)  the first kVectors vectors of rows r to r + kRows
#pragma once

#include "kernels/segment.h"

namespace bnn {
namespace {

template <class Input, class Weight, class Acc>
struct DotCall {
  const Input* input;
  std::ptrdiff_t row_stride;
  const Segment* segments;
  int segment_count;
  const Weight* weights;
  std::ptrdiff_t vector_stride;
  Acc* acc;
  std::ptrdiff_t acc_stride;
};

// The tiles by vectors and rows.
template <class Tiles, class Call>
struct TileTable {
  using TileFn = void (*)(const Call&, int);
  TileFn tiles[kMaxVectors][8];

  constexpr TileTable() : tiles() { fill<1, 1>(); }

  template <int kRows, int kVectors>
  constexpr void fill() {
    if constexpr (kRows <= Tiles::kMaxRows[kVectors - 1]) {
      tiles[kVectors - 1][kRows - 1] = Tiles::template tile<kRows, kVectors>;
      fill<kRows + 1, kVectors>();
    } else if constexpr (kVectors < kMaxVectors) {
      fill<1, kVectors + 1>();
    }
  }
};

template <class Tiles, class Call>
constexpr TileTable<Tiles, Call> kTileTable;

// All rows, in tiles of nearly equal height: one of one or two rows would leave the units idle.
template <class Tiles, class Call>
inline void sweep(const Call& call, int rows, int vectors) {
  const int max_rows = Tiles::kMaxRows[vectors - 1];
  int row = 0;
  for (int tiles = (rows + max_rows - 1) / max_rows; tiles > 0; --tiles) {
    const int height = (rows - row + tiles - 1) / tiles;
    kTileTable<Tiles, Call>.tiles[vectors - 1][height - 1](call, row);
    row += height;
  }
}

// The same with at most `step` vectors at a time.
template <class Tiles, class Call>
inline void sweep_in_steps(Call call, int rows, int vectors, int step) {
  for (int left = vectors; left > 0; left -= step) {
    sweep<Tiles>(call, rows, left < step ? left : step);
    call.weights += step * call.vector_stride;
    call.acc += step * Tiles::kLanes;
  }
}

// Tiles of the float families add to F32 (vectors/f32_<isa>.h)
//
//   kWeightStep   weights of one k in a vector
//   weights(w)    those weights as a Vector
//   Walk          which k of a segment are multiplied: EveryElement or another with its run()

// One k: its weights are loaded once and used for every row.
template <class Tiles, int kRows, int kVectors, class Weight>
[[gnu::always_inline]] inline void accumulate(const float* x, std::ptrdiff_t row_stride,
                                              const Weight* w, std::ptrdiff_t vector_stride,
                                              typename Tiles::Vector (&sum)[kRows][kVectors]) {
  typename Tiles::Vector w_f32[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) w_f32[v] = Tiles::weights(w + v * vector_stride);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const typename Tiles::Factor x_f32 = Tiles::factor(x[r * row_stride]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = Tiles::multiply_add(x_f32, w_f32[v], sum[r][v]);
    }
  }
}

struct EveryElement {
  template <class Tiles, int kRows, int kVectors, class Weight>
  [[gnu::always_inline]] static void run(const float* x, std::ptrdiff_t row_stride, const Weight* w,
                                         std::ptrdiff_t vector_stride, std::ptrdiff_t length,
                                         typename Tiles::Vector (&sum)[kRows][kVectors]) {
    for (std::ptrdiff_t k = length; k > 0; --k, ++x, w += Tiles::kWeightStep) {
      accumulate<Tiles>(x, row_stride, w, vector_stride, sum);
    }
  }
};

// kRows × kVectors sums stay in registers over all segments (hence always_inline above), each one
// chain of multiply-adds.
template <class Tiles, int kRows, int kVectors, class Call>
[[gnu::always_inline]] inline void float_tile(const Call& call, int first_row) {
  typename Tiles::Vector sum[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[r][v] = Tiles::zero();
  }
  const float* rows = call.input + first_row * call.row_stride;
  const std::ptrdiff_t row_stride = call.row_stride;
  const std::ptrdiff_t vector_stride = call.vector_stride;
  for (int s = 0; s < call.segment_count; ++s) {
    const float* x = rows + call.segments[s].input;
    const auto* w = call.weights + call.segments[s].weight * Tiles::kWeightStep;
    const std::ptrdiff_t length = call.segments[s].length;
    Tiles::Walk::template run<Tiles>(x, row_stride, w, vector_stride, length, sum);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    float* out = call.acc + (first_row + r) * call.acc_stride;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) Tiles::store(out + v * Tiles::kLanes, sum[r][v]);
  }
}

}  // namespace
}  // namespace bnn
