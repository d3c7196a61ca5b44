// xnor_masked for instruction sets that count bits byte by byte. Internal linkage: each file needs
// its own copy, compiled with its own flags.
//
// V, the parameter of the loops, is a vector of 64-bit lanes:
//
//   kLanes           64-bit lanes of a Vector
//   kParts           Vectors of a lane vector of the variant
//   kRows            rows of a tile: as many counts as the registers hold
//   broadcast, load, store_low (of each lane its low 32 bits), zero, add, subtract, shift_left
//   differ(x, w, m)  (x xor w) and m
//   both(a, b)       a and b
//   byte_ones(x)     the number of ones of each byte, in that byte
//   add_bytes(a, b)  byte by byte
//   sum_bytes(x)     the sum of the bytes of each lane
//   ones(word)       the number of ones of one word
#pragma once

#include "kernels/xnor_masked/call.h"

namespace bnn {
namespace {

// What a loop over the words counts for each row: disagreements under masks, and with masks on both
// sides also the ones of their intersection. The ones of the weights' masks alone need no row.
enum class Counted { input_masked, weight_masked, both_masked, weight_masks };

template <Counted kCounted>
constexpr int kCounts = kCounted == Counted::both_masked ? 2 : 1;

// A word adds at most 8 to each byte of a byte-wise popcount, so 31 words fit in a byte.
constexpr std::ptrdiff_t kWordsPerFlush = 31;

template <class V, Counted kCounted, int kRows>
using Counts = typename V::Vector[kCounts<kCounted>][kRows][V::kParts];

// Applies `change` to all counts.
template <class Array, class Change>
[[gnu::always_inline]] inline void for_each_count(Array& counts, Change change) {
#pragma GCC unroll 2
  for (auto& rows : counts) {
#pragma GCC unroll 4
    for (auto& parts : rows) {
#pragma GCC unroll 4
      for (auto& count : parts) change(count);
    }
  }
}

// One word of K, of one lane vector.
template <class V, Counted kCounted, int kRows>
[[gnu::always_inline]] inline void count_word(const Call& call,
                                              const std::uint64_t* const (&rows)[kRows],
                                              std::ptrdiff_t input, const std::uint64_t* w,
                                              Counts<V, kCounted, kRows>& bytes) {
  using Vector = typename V::Vector;
  if constexpr (kCounted == Counted::weight_masks) {
#pragma GCC unroll 4
    for (int p = 0; p < V::kParts; ++p) {
      const Vector mask = V::load(w + call.weight_mask + p * V::kLanes);
      bytes[0][0][p] = V::add_bytes(bytes[0][0][p], V::byte_ones(mask));
    }
  } else {
    constexpr bool kInputMasked = kCounted != Counted::weight_masked;
    constexpr bool kWeightMasked = kCounted != Counted::input_masked;
    Vector x_words[kRows];
    Vector x_masks[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      x_words[r] = V::broadcast(rows[r][input]);
      if constexpr (kInputMasked) x_masks[r] = V::broadcast(rows[r][input + call.input_mask]);
    }
#pragma GCC unroll 4
    for (int p = 0; p < V::kParts; ++p) {
      const Vector w_words = V::load(w + p * V::kLanes);
      Vector w_masks = w_words;
      if constexpr (kWeightMasked) w_masks = V::load(w + call.weight_mask + p * V::kLanes);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        Vector mask = w_masks;
        if constexpr (kInputMasked) {
          mask = kWeightMasked ? V::both(x_masks[r], w_masks) : x_masks[r];
        }
        const Vector differ = V::differ(x_words[r], w_words, mask);
        bytes[0][r][p] = V::add_bytes(bytes[0][r][p], V::byte_ones(differ));
        if constexpr (kInputMasked && kWeightMasked) {
          bytes[1][r][p] = V::add_bytes(bytes[1][r][p], V::byte_ones(mask));
        }
      }
    }
  }
}

// Counts of kRows rows and one lane vector. Byte-wise counts stay in registers; every 31 words they
// are added up into the totals.
template <class V, Counted kCounted, int kRows>
[[gnu::always_inline]] inline void count(const Call& call,
                                         const std::uint64_t* const (&rows)[kRows],
                                         const std::uint64_t* weights,
                                         Counts<V, kCounted, kRows>& totals) {
  using Vector = typename V::Vector;
  for_each_count(totals, [](Vector& total) { total = V::zero(); });
  int s = 0;
  std::ptrdiff_t done = 0;  // words of segment s already counted
  while (s < call.segment_count) {
    if (done == 0 && call.segments[s].doublings > 0) {
      const int doublings = call.segments[s].doublings;
      for_each_count(totals,
                     [doublings](Vector& total) { total = V::shift_left(total, doublings); });
    }
    Counts<V, kCounted, kRows> bytes;
    for_each_count(bytes, [](Vector& ones) { ones = V::zero(); });
    // Up to 31 words, from as many segments as that takes, up to the next one that doubles.
    std::ptrdiff_t room = kWordsPerFlush;
    do {
      std::ptrdiff_t input = call.segments[s].input + done;
      const std::uint64_t* w = weights + (call.segments[s].weight + done) * V::kLanes * V::kParts;
      const std::ptrdiff_t left = call.segments[s].length - done;
      const std::ptrdiff_t words = left < room ? left : room;
      for (std::ptrdiff_t k = words; k > 0; --k, ++input, w += V::kLanes * V::kParts) {
        count_word<V, kCounted>(call, rows, input, w, bytes);
      }
      room -= words;
      if (words == left) {
        ++s;
        done = 0;
      } else {
        done += words;
      }
    } while (room > 0 && s < call.segment_count && call.segments[s].doublings == 0);
#pragma GCC unroll 2
    for (int i = 0; i < kCounts<kCounted>; ++i) {
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int p = 0; p < V::kParts; ++p) {
          totals[i][r][p] = V::add(totals[i][r][p], V::sum_bytes(bytes[i][r][p]));
        }
      }
    }
  }
}

// Ones of the masks of one row.
template <class V>
std::uint64_t row_valid(const Call& call, const std::uint64_t* row) {
  std::uint64_t valid = 0;
  for (int s = 0; s < call.segment_count; ++s) {
    const std::uint64_t* mask = row + call.segments[s].input + call.input_mask;
    valid <<= call.segments[s].doublings;
    for (std::ptrdiff_t k = 0; k < call.segments[s].length; ++k) valid += V::ones(mask[k]);
  }
  return valid;
}

// kRows rows of one lane vector. `row_valid` is read where only the input is masked, `lane_valid`
// where only the weights are.
template <class V, Counted kCounted, int kRows>
void tile(const Call& call, std::ptrdiff_t first_row, std::ptrdiff_t vector,
          const std::uint64_t* row_valid, const typename V::Vector (&lane_valid)[V::kParts]) {
  const std::uint64_t* rows[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) rows[r] = call.input + call.inputs[first_row + r];
  Counts<V, kCounted, kRows> totals;
  count<V, kCounted>(call, rows, call.weights + vector * call.vector_stride, totals);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    std::int32_t* out =
        call.acc + (first_row + r) * call.acc_stride + vector * V::kLanes * V::kParts;
#pragma GCC unroll 4
    for (int p = 0; p < V::kParts; ++p) {
      typename V::Vector valid = lane_valid[p];
      if constexpr (kCounted == Counted::input_masked) {
        valid = V::broadcast(row_valid[first_row + r]);
      }
      if constexpr (kCounted == Counted::both_masked) valid = totals[1][r][p];
      V::store_low(out + p * V::kLanes, V::subtract(valid, V::shift_left(totals[0][r][p], 1)));
    }
  }
}

template <class V, Counted kCounted>
void tiles(const Call& call, std::ptrdiff_t rows, std::ptrdiff_t vectors) {
  // With two counts a row, half as many rows fill the registers.
  constexpr int kRows = V::kRows / kCounts<kCounted>;
  std::uint64_t rows_valid[kMaxRows];
  if constexpr (kCounted == Counted::input_masked) {
    for (std::ptrdiff_t r = 0; r < rows; ++r) {
      rows_valid[r] = row_valid<V>(call, call.input + call.inputs[r]);
    }
  }
  for (std::ptrdiff_t v = 0; v < vectors; ++v) {
    Counts<V, Counted::weight_masks, 1> lanes_valid = {};
    if constexpr (kCounted == Counted::weight_masked) {
      count<V, Counted::weight_masks, 1>(call, {nullptr}, call.weights + v * call.vector_stride,
                                         lanes_valid);
    }
    std::ptrdiff_t row = 0;
    for (; row + kRows <= rows; row += kRows) {
      tile<V, kCounted, kRows>(call, row, v, rows_valid, lanes_valid[0][0]);
    }
    for (; row < rows; ++row) tile<V, kCounted, 1>(call, row, v, rows_valid, lanes_valid[0][0]);
  }
}

template <class V>
void xnor_masked(const Call& call, std::ptrdiff_t rows, std::ptrdiff_t vectors) {
  if (call.weight_mask == 0) {
    tiles<V, Counted::input_masked>(call, rows, vectors);
  } else if (call.input_mask == 0) {
    tiles<V, Counted::weight_masked>(call, rows, vectors);
  } else {
    tiles<V, Counted::both_masked>(call, rows, vectors);
  }
}

}  // namespace
}  // namespace bnn
