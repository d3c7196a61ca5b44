// Zero inputs are skipped: a chain that starts at +0 never becomes −0 (only −0 + −0 is), and adding
// ±0 to anything else changes no bit. Images are mostly background, so this often removes most of
// the work; where nothing is zero, the list of positions costs a few percent. It pays off for long
// runs only.
//
// Internal linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include <cstdint>

#include "kernels/dot_tiles.h"

namespace bnn {
namespace {

constexpr std::ptrdiff_t kSparseRun = 32;
constexpr std::ptrdiff_t kChunk = 512;  // positions listed at a time

// The list of a run too short to look for zeros in.
struct AllPositions {
  std::int32_t positions[kSparseRun];

  constexpr AllPositions() : positions() {
    for (int k = 0; k < kSparseRun; ++k) positions[k] = k;
  }
};
constexpr AllPositions kAllPositions;

// The walk (kernels/dot_tiles.h) over elements that are not ±0 in every row. It needs
// Tiles::list_nonzero(x, row_stride, rows, length, positions): lists the k < length (at most
// kChunk) at which any row is not ±0, and may write up to kLanes elements beyond the list.
struct NonzeroElements {
  template <class Tiles, int kRows, int kVectors, class Weight>
  [[gnu::always_inline]] static void run(const float* x, std::ptrdiff_t row_stride, const Weight* w,
                                         std::ptrdiff_t vector_stride, std::ptrdiff_t length,
                                         typename Tiles::Vector (&sum)[kRows][kVectors]) {
    for (std::ptrdiff_t k = 0; k < length; k += kChunk) {
      const std::ptrdiff_t left = length - k;
      std::ptrdiff_t count = left < kChunk ? left : kChunk;
      std::int32_t buffer[kChunk + Tiles::kLanes];
      const std::int32_t* positions = kAllPositions.positions;
      if (count >= kSparseRun) {
        count = Tiles::list_nonzero(x + k, row_stride, kRows, count, buffer);
        positions = buffer;
      }
      for (std::ptrdiff_t i = 0; i < count; ++i) {
        const std::ptrdiff_t at = k + positions[i];
        accumulate<Tiles>(x + at, row_stride, w + at * Tiles::kWeightStep, vector_stride, sum);
      }
    }
  }
};

}  // namespace
}  // namespace bnn
