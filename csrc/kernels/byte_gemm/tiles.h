// The tile of family byte_gemm for the sweeps of kernels/dot_tiles.h. Internal linkage: each file
// needs its own copy, compiled with its own flags.
//
// Tiles<Input>, Input = std::uint8_t or std::int8_t, says beside kMaxRows and tile():
//
//   Sums                     16 sums of four products a step; zero()
//   kMaxSteps                steps that fit into Sums
//   Factor                   four bytes of input for every lane: load(x), load(x, count) where only
//                            the first `count` bytes are there and the rest counts as 0
//   Weights                  a word of weights as add() wants them: weights(word)
//   add(sum, x, w)           one step of the sums
//   kInputSums               whether the sums have to be completed by those of the input alone:
//   add_input(sum, x)        one step of those, in an InputSum; input_zero()
//   store(out, sum, input, onto)   writes 16 results, or adds them to what is there
//
// and, where looking for zeros pays,
//
//   list_nonzero(x, row_stride, rows, count, positions)   lists the i < count (at most kChunk) at
//                            which bytes 4·i to 4·i + 3 of any of `rows` rows are not all 0; may
//                            write up to 16 elements beyond the list
#pragma once

#include "kernels/byte_gemm/byte_gemm.h"
#include "kernels/dot_tiles.h"

namespace bnn {
namespace {

template <class Input>
constexpr bool kIsSigned = static_cast<Input>(-1) < 0;

template <class Input>
using Call = DotCall<Input, std::uint64_t, std::int32_t>;

// The word of the four weights from weight 4·i + phase on, where w points at word i.
template <bool kAligned>
[[gnu::always_inline]] inline std::uint64_t word_at(const std::uint64_t* w, unsigned phase) {
  if constexpr (kAligned) return *w;
  const std::uint64_t low = 0x1111'1111'1111'1111u * (0xFu >> phase);  // of each lane's four bits
  return ((w[0] >> phase) & low) | ((w[1] << (4 - phase)) & ~low);
}

// Four weights of every lane: loaded once and used for every row.
template <class Tiles, bool kAligned, int kRows, int kVectors, class Input, class... Count>
[[gnu::always_inline]] inline void accumulate(const Input* x, std::ptrdiff_t row_stride,
                                              const std::uint64_t* w, std::ptrdiff_t vector_stride,
                                              unsigned phase,
                                              typename Tiles::Sums (&sum)[kRows][kVectors],
                                              typename Tiles::InputSum (&input_sum)[kRows],
                                              Count... count) {
  typename Tiles::Weights weights[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    weights[v] = Tiles::weights(word_at<kAligned>(w + v * vector_stride, phase));
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const typename Tiles::Factor factor = Tiles::load(x + r * row_stride, count...);
    if constexpr (Tiles::kInputSums) input_sum[r] = Tiles::add_input(input_sum[r], factor);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[r][v] = Tiles::add(sum[r][v], factor, weights[v]);
  }
}

// Groups of zero bytes add nothing and images are mostly background. Only long runs are looked at.
constexpr std::ptrdiff_t kSparseRun = 16;
constexpr std::ptrdiff_t kChunk = 512;  // positions listed at a time

template <class Tiles, int kRows, int kVectors, class Input>
[[gnu::always_inline]] inline void nonzero_sums(const Input* x, std::ptrdiff_t row_stride,
                                                const std::uint64_t* w,
                                                std::ptrdiff_t vector_stride, std::ptrdiff_t groups,
                                                typename Tiles::Sums (&sum)[kRows][kVectors],
                                                typename Tiles::InputSum (&input_sum)[kRows]) {
  std::int32_t positions[kChunk + 16];
  for (std::ptrdiff_t first = 0; first < groups; first += kChunk) {
    const std::ptrdiff_t left = groups - first;
    const std::ptrdiff_t count = Tiles::list_nonzero(x + first * kByteGemmGroup, row_stride, kRows,
                                                     left < kChunk ? left : kChunk, positions);
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      const std::ptrdiff_t at = first + positions[i];
      accumulate<Tiles, true>(x + at * kByteGemmGroup, row_stride, w + at, vector_stride, 0, sum,
                              input_sum);
    }
  }
}

template <class Tiles, int kRows, int kVectors, class Input>
[[gnu::always_inline]] inline void segment_sums(const Call<Input>& call, const Input* x,
                                                const Segment& segment,
                                                typename Tiles::Sums (&sum)[kRows][kVectors],
                                                typename Tiles::InputSum (&input_sum)[kRows]) {
  const std::ptrdiff_t row_stride = call.row_stride;
  const std::ptrdiff_t vector_stride = call.vector_stride;
  const std::uint64_t* w = call.weights + segment.weight / kByteGemmGroup;
  const unsigned phase = static_cast<unsigned>(segment.weight % kByteGemmGroup);
  std::ptrdiff_t left = segment.length;
  if (phase == 0) {
    if constexpr (requires { &Tiles::list_nonzero; }) {
      if (const std::ptrdiff_t groups = left / kByteGemmGroup; groups >= kSparseRun) {
        nonzero_sums<Tiles>(x, row_stride, w, vector_stride, groups, sum, input_sum);
        left -= groups * kByteGemmGroup;
        x += groups * kByteGemmGroup;
        w += groups;
      }
    }
    for (; left >= kByteGemmGroup; left -= kByteGemmGroup, x += kByteGemmGroup, ++w) {
      accumulate<Tiles, true>(x, row_stride, w, vector_stride, phase, sum, input_sum);
    }
  } else {
    for (; left >= kByteGemmGroup; left -= kByteGemmGroup, x += kByteGemmGroup, ++w) {
      accumulate<Tiles, false>(x, row_stride, w, vector_stride, phase, sum, input_sum);
    }
  }
  if (left > 0) {
    accumulate<Tiles, false>(x, row_stride, w, vector_stride, phase, sum, input_sum, left);
  }
}

// kRows × kVectors sums stay in registers over as many steps, of all segments, as they can take
// (hence always_inline above).
template <class Tiles, int kRows, int kVectors, class Input>
[[gnu::always_inline]] inline void byte_tile(const Call<Input>& call, int first_row) {
  const Input* rows = call.input + first_row * call.row_stride;
  int s = 0;
  std::ptrdiff_t done = 0;  // elements of segment s
  bool onto = false;
  do {
    typename Tiles::Sums sum[kRows][kVectors];
    typename Tiles::InputSum input_sum[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      input_sum[r] = Tiles::input_zero();
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[r][v] = Tiles::zero();
    }
    std::ptrdiff_t room = Tiles::kMaxSteps * kByteGemmGroup;
    while (s < call.segment_count && room > 0) {
      Segment piece = call.segments[s];
      piece = {piece.input + done, piece.weight + done, piece.length - done};
      if (piece.length > room) {
        piece.length = room;
        done += room;
      } else {
        ++s;
        done = 0;
      }
      const Input* x = rows + piece.input;
      segment_sums<Tiles>(call, x, piece, sum, input_sum);
      room -= (piece.length + kByteGemmGroup - 1) / kByteGemmGroup * kByteGemmGroup;
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      std::int32_t* out = call.acc + (first_row + r) * call.acc_stride;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        Tiles::store(out + v * Tiles::kLanes, sum[r][v], input_sum[r], onto);
      }
    }
    onto = true;
  } while (s < call.segment_count);
}

// Four bytes, or the first `count` (1 to 3) and zeros, as they lie in memory.
template <class Input>
[[gnu::always_inline]] inline std::int32_t load_bytes(const Input* x) {
  std::int32_t bytes;
  __builtin_memcpy(&bytes, x, sizeof(bytes));
  return bytes;
}
template <class Input>
[[gnu::always_inline]] inline std::int32_t load_bytes(const Input* x, std::ptrdiff_t count) {
  if (count == 1) return static_cast<std::uint8_t>(*x);
  std::uint16_t first, last;
  __builtin_memcpy(&first, x, sizeof(first));
  __builtin_memcpy(&last, x + count - 2, sizeof(last));
  return static_cast<std::int32_t>(first | std::uint32_t{last} << (8 * (count - 2)));
}

}  // namespace
}  // namespace bnn
