#include <immintrin.h>

#include "kernels/xnor_chain/xnor_chain.h"

namespace bnn {
namespace {

constexpr int kLanes = 8;  // u64x8: one output byte

// Truth table of the carry in its operands (parity, word, next parity), see the contract:
//     parity word next | carry
//       0     0    *   |  0
//       0     1    t   | ~t
//       1     0    t   | ~t
//       1     1    *   |  1          bits 7…0: 11 01 01 00
constexpr int kCarry = 0xD4;

struct Operands {
  const std::uint64_t* input;
  const std::ptrdiff_t* inputs;
  const Segment* chains;
  int chain_count;
  const std::uint64_t* weights;
  std::ptrdiff_t vector_stride;
};

inline __m512i broadcast(std::uint64_t word) {
  return _mm512_set1_epi64(static_cast<long long>(word));
}

// Makes x a register's content that the compiler knows nothing about. Without it GCC loads weights
// again for each row, as operands of the xor, and carries copies of the sums through the loops.
inline void keep(__m512i& x) { asm("" : "+v"(x)); }

// The disagreements of a tile while they are counted: twice `carries` plus once `ones`.
template <int kRows, int kVectors>
struct Counts {
  __m512i carries_u64x8[kRows][kVectors];
  __m512i ones_u64x8[kRows][kVectors];
};

// sum += x, or sum = x where it is the first one.
template <bool kFirst>
inline void add(__m512i& sum, __m512i x) {
  sum = kFirst ? x : _mm512_add_epi64(sum, x);
}

// Elements k and k + 1 of a chain: one full adder.
template <bool kFirst, int kRows, int kVectors>
[[gnu::always_inline]] inline void add_pair(const std::uint64_t* const (&x)[kRows],
                                            std::ptrdiff_t k, const std::uint64_t* w,
                                            std::ptrdiff_t vector_stride,
                                            __m512i (&parity_u64x8)[kRows][kVectors],
                                            Counts<kRows, kVectors>& counts) {
  __m512i w_word_u64x8[kVectors];
  __m512i w_next_u64x8[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    w_word_u64x8[v] = _mm512_loadu_si512(w + k * kLanes + v * vector_stride);
    w_next_u64x8[v] = _mm512_loadu_si512(w + (k + 1) * kLanes + v * vector_stride);
    keep(w_word_u64x8[v]);
    keep(w_next_u64x8[v]);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const __m512i x_word_u64x8 = broadcast(x[r][k]);
    const __m512i x_next_u64x8 = broadcast(x[r][k + 1]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const __m512i word = _mm512_xor_si512(x_word_u64x8, w_word_u64x8[v]);
      const __m512i next = _mm512_xor_si512(x_next_u64x8, w_next_u64x8[v]);
      // The carry is symmetric in parity and word; the result may replace the word, which dies.
      const __m512i carry = _mm512_ternarylogic_epi64(word, parity_u64x8[r][v], next, kCarry);
      add<kFirst>(counts.carries_u64x8[r][v], _mm512_popcnt_epi64(carry));
      parity_u64x8[r][v] = next;
      if constexpr (!kFirst) {
        keep(counts.carries_u64x8[r][v]);
        keep(parity_u64x8[r][v]);
      }
    }
  }
}

// One chain of a tile. kLength: its length, or 0 for any.
template <bool kFirst, int kLength, int kRows, int kVectors>
[[gnu::always_inline]] inline void add_chain(const Operands& call, const Segment& chain,
                                             const std::uint64_t* const (&rows)[kRows],
                                             const std::uint64_t* weights,
                                             Counts<kRows, kVectors>& counts) {
  const std::ptrdiff_t vector_stride = call.vector_stride;
  const std::ptrdiff_t length = kLength > 0 ? kLength : chain.length;
  const std::uint64_t* w = weights + chain.weight * kLanes;
  const std::uint64_t* x[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) x[r] = rows[r] + chain.input;
  __m512i parity_u64x8[kRows][kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const __m512i w_u64x8 = _mm512_loadu_si512(w + v * vector_stride);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      parity_u64x8[r][v] = _mm512_xor_si512(broadcast(x[r][0]), w_u64x8);
    }
  }
  std::ptrdiff_t k = 1;
  if constexpr (kFirst) {
    if (length > 2) {
      add_pair<true>(x, k, w, vector_stride, parity_u64x8, counts);
      k = 3;
    } else {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) counts.carries_u64x8[r][v] = _mm512_setzero_si512();
      }
    }
  }
  for (; k + 1 < length; k += 2) {
    add_pair<false>(x, k, w, vector_stride, parity_u64x8, counts);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      add<kFirst>(counts.ones_u64x8[r][v], _mm512_popcnt_epi64(parity_u64x8[r][v]));
    }
  }
  if (k == length) return;
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const __m512i w_u64x8 = _mm512_loadu_si512(w + k * kLanes + v * vector_stride);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      add<false>(counts.ones_u64x8[r][v],
                 _mm512_popcnt_epi64(_mm512_xor_si512(broadcast(x[r][k]), w_u64x8)));
    }
  }
}

// Doubles what was counted so far `doublings` times.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void double_counts(int doublings, Counts<kRows, kVectors>& counts) {
  const __m128i shift = _mm_cvtsi32_si128(doublings);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      counts.carries_u64x8[r][v] = _mm512_sll_epi64(counts.carries_u64x8[r][v], shift);
      counts.ones_u64x8[r][v] = _mm512_sll_epi64(counts.ones_u64x8[r][v], shift);
    }
  }
}

// Disagreements of kRows rows with kVectors lane vectors.
template <bool kDoubles, int kLength, int kRows, int kVectors>
[[gnu::always_inline]] inline void count(const Operands& call, const std::ptrdiff_t* inputs,
                                         const std::uint64_t* weights,
                                         __m512i (&ones_u64x8)[kRows][kVectors]) {
  if (call.chain_count == 0) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) ones_u64x8[r][v] = _mm512_setzero_si512();
    }
    return;
  }
  const std::uint64_t* x[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) x[r] = call.input + inputs[r];
  Counts<kRows, kVectors> counts;
  add_chain<true, kLength>(call, call.chains[0], x, weights, counts);
  for (int s = 1; s < call.chain_count; ++s) {
    if constexpr (kDoubles) double_counts(call.chains[s].doublings, counts);
    add_chain<false, kLength>(call, call.chains[s], x, weights, counts);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const __m512i carries_u64x8 = counts.carries_u64x8[r][v];
      ones_u64x8[r][v] =
          _mm512_add_epi64(counts.ones_u64x8[r][v], _mm512_add_epi64(carries_u64x8, carries_u64x8));
    }
  }
}

// What is stored, per call and (below) per column of tiles: kVectors lane vectors, all rows.
struct AccOutput {
  std::int32_t valid;
  std::int32_t* acc;
  std::ptrdiff_t acc_stride;
};
struct F32Output {
  std::int32_t valid;
  const float* scale;
  const float* shift;
  std::ptrdiff_t channels;
  float* out;
  const std::ptrdiff_t* outputs;
};
struct BitsOutput {
  std::int32_t valid;
  const std::int32_t* limit;
  const std::uint8_t* flips;
  std::uint8_t* out;
  const std::ptrdiff_t* outputs;
};

// acc = valid − 2 · ones of one or two lane vectors, as int32 in the low lanes.
class Sums {
 public:
  explicit Sums(std::int32_t valid)
      : valid_i32x16_(_mm512_set1_epi32(valid)),
        low_i32x16_(_mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)) {}

  template <int kVectors>
  [[gnu::always_inline]] inline __m512i of(const __m512i (&ones_u64x8)[kVectors]) const {
    static_assert(kVectors <= 2);
    // The low halves of both vectors; of the only one, twice.
    const __m512i ones_i32x16 =
        _mm512_permutex2var_epi32(ones_u64x8[0], low_i32x16_, ones_u64x8[kVectors - 1]);
    return _mm512_sub_epi32(valid_i32x16_, _mm512_slli_epi32(ones_i32x16, 1));
  }

 private:
  __m512i valid_i32x16_;
  __m512i low_i32x16_;
};

template <int kVectors>
class AccColumn {
 public:
  using Output = AccOutput;

  AccColumn(const Output& output, std::ptrdiff_t vector)
      : sums_(output.valid), acc_(output.acc + vector * kLanes), acc_stride_(output.acc_stride) {}

  template <int kRows>
  [[gnu::always_inline]] inline void store(const __m512i (&ones_u64x8)[kRows][kVectors],
                                           std::ptrdiff_t row) const {
    constexpr __mmask16 kStored = static_cast<__mmask16>((1u << (kVectors * kLanes)) - 1);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      _mm512_mask_storeu_epi32(acc_ + (row + r) * acc_stride_, kStored, sums_.of(ones_u64x8[r]));
    }
  }

 private:
  Sums sums_;
  std::int32_t* acc_;
  std::ptrdiff_t acc_stride_;
};

template <int kVectors>
class F32Column {
 public:
  using Output = F32Output;

  F32Column(const Output& output, std::ptrdiff_t vector)
      : sums_(output.valid), out_(output.out + vector * kLanes), outputs_(output.outputs) {
    const std::ptrdiff_t left = output.channels - vector * kLanes;
    const int count = left < kVectors * kLanes ? static_cast<int>(left) : kVectors * kLanes;
    stored_ = static_cast<__mmask16>((1u << count) - 1);
    has_scale_ = output.scale != nullptr;
    has_shift_ = output.shift != nullptr;
    if (has_scale_) scale_f32x16_ = _mm512_maskz_loadu_ps(stored_, output.scale + vector * kLanes);
    if (has_shift_) shift_f32x16_ = _mm512_maskz_loadu_ps(stored_, output.shift + vector * kLanes);
  }

  template <int kRows>
  [[gnu::always_inline]] inline void store(const __m512i (&ones_u64x8)[kRows][kVectors],
                                           std::ptrdiff_t row) const {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      __m512 y_f32x16 = _mm512_cvtepi32_ps(sums_.of(ones_u64x8[r]));
      if (has_scale_) y_f32x16 = _mm512_mul_ps(y_f32x16, scale_f32x16_);
      if (has_shift_) y_f32x16 = _mm512_add_ps(y_f32x16, shift_f32x16_);
      _mm512_mask_storeu_ps(out_ + outputs_[row + r], stored_, y_f32x16);
    }
  }

 private:
  Sums sums_;
  float* out_;
  const std::ptrdiff_t* outputs_;
  __mmask16 stored_;
  bool has_scale_;
  bool has_shift_;
  __m512 scale_f32x16_ = _mm512_setzero_ps();
  __m512 shift_f32x16_ = _mm512_setzero_ps();
};

// acc ≤ limit  ⇔  valid − limit ≤ 2 · ones  ⇔  ones ≥ ceil((valid − limit) / 2): the comparison
// needs no conversion of `ones`.
template <int kVectors>
class BitsColumn {
 public:
  using Output = BitsOutput;

  BitsColumn(const Output& output, std::ptrdiff_t vector)
      : out_(output.out + vector), outputs_(output.outputs) {
    const __m512i rounded_i64x8 = _mm512_set1_epi64(std::int64_t{output.valid} + 1);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const __m512i limit_i64x8 = _mm512_cvtepi32_epi64(_mm256_loadu_si256(
          reinterpret_cast<const __m256i*>(output.limit + (vector + v) * kLanes)));
      least_i64x8_[v] = _mm512_srai_epi64(_mm512_sub_epi64(rounded_i64x8, limit_i64x8), 1);
      flips_ |= unsigned{output.flips[vector + v]} << (8 * v);
    }
  }

  template <int kRows>
  [[gnu::always_inline]] inline void store(const __m512i (&ones_u64x8)[kRows][kVectors],
                                           std::ptrdiff_t row) const {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      unsigned bytes = flips_;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const unsigned byte = _mm512_cmpge_epi64_mask(ones_u64x8[r][v], least_i64x8_[v]);
        bytes ^= byte << (8 * v);
      }
      __builtin_memcpy(out_ + outputs_[row + r], &bytes, kVectors);  // low bytes first
    }
  }

 private:
  __m512i least_i64x8_[kVectors];
  unsigned flips_ = 0;
  std::uint8_t* out_;
  const std::ptrdiff_t* outputs_;
};

template <int kRows, bool kDoubles, int kLength, int kVectors, template <int> class Column>
[[gnu::always_inline]] inline void tile(const Operands& call, const std::uint64_t* weights,
                                        std::ptrdiff_t row, const Column<kVectors>& column) {
  __m512i ones_u64x8[kRows][kVectors];
  count<kDoubles, kLength>(call, call.inputs + row, weights, ones_u64x8);
  column.template store<kRows>(ones_u64x8, row);
}

// All rows of kVectors lane vectors, in tiles of four rows: their two state registers per output
// fit beside the weights of a pair.
template <bool kDoubles, int kLength, int kVectors, template <int> class Column>
[[gnu::noinline]] void run_column(const Operands operands,
                                  const typename Column<kVectors>::Output& output,
                                  std::ptrdiff_t rows, std::ptrdiff_t vector) {
  const Column<kVectors> column(output, vector);
  const std::uint64_t* weights = operands.weights + vector * operands.vector_stride;
  std::ptrdiff_t row = 0;
  for (; row + 4 <= rows; row += 4) tile<4, kDoubles, kLength>(operands, weights, row, column);
  switch (rows - row) {
    case 3:
      return tile<3, kDoubles, kLength>(operands, weights, row, column);
    case 2:
      return tile<2, kDoubles, kLength>(operands, weights, row, column);
    case 1:
      return tile<1, kDoubles, kLength>(operands, weights, row, column);
    default:
      return;
  }
}

// Weights larger than this come from beyond L2.
constexpr std::ptrdiff_t kStreamedBytes = std::ptrdiff_t{2} << 20;

// Lane vectors outside, so that the weights of a column stay in L1 while all rows stream past. One
// row is bound by reading the weights: from beyond L2, a single stream of them is faster than two.
template <bool kDoubles, int kLength, template <int> class Column>
void run_columns(const Operands& operands, const typename Column<1>::Output& output,
                 std::ptrdiff_t rows, std::ptrdiff_t vectors) {
  const bool streamed = rows == 1 && vectors * operands.vector_stride * 8 > kStreamedBytes;
  const std::ptrdiff_t pairs = streamed ? 0 : vectors / 2;
  std::ptrdiff_t vector = 0;
  for (; vector < 2 * pairs; vector += 2) {
    run_column<kDoubles, kLength, 2, Column>(operands, output, rows, vector);
  }
  for (; vector < vectors; ++vector) {
    run_column<kDoubles, kLength, 1, Column>(operands, output, rows, vector);
  }
}

template <bool kDoubles, template <int> class Column>
void sweep(const Operands& operands, const typename Column<1>::Output& output, std::ptrdiff_t rows,
           std::ptrdiff_t vectors) {
  // Three taps of one word, the shortest chains there are: loops over them would cost as much as
  // the words.
  bool threes = true;
  for (int s = 0; s < operands.chain_count; ++s) threes &= operands.chains[s].length == 3;
  if (threes) {
    run_columns<kDoubles, 3, Column>(operands, output, rows, vectors);
  } else {
    run_columns<kDoubles, 0, Column>(operands, output, rows, vectors);
  }
}

template <template <int> class Column>
void run(const Operands& operands, const typename Column<1>::Output& output, std::ptrdiff_t rows,
         std::ptrdiff_t vectors) {
  bool doubles = false;
  for (int s = 0; s < operands.chain_count; ++s) doubles |= operands.chains[s].doublings > 0;
  if (doubles) {
    sweep<true, Column>(operands, output, rows, vectors);
  } else {
    sweep<false, Column>(operands, output, rows, vectors);
  }
}

}  // namespace

void xnor_chain_avx512_vpopcntdq(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                                 std::ptrdiff_t rows, const Segment* chains, int chain_count,
                                 const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                                 std::ptrdiff_t vectors, std::int32_t valid, std::int32_t* acc,
                                 std::ptrdiff_t acc_stride) {
  run<AccColumn>({input, inputs, chains, chain_count, weights, vector_stride},
                 {valid, acc, acc_stride}, rows, vectors);
}

void xnor_chain_f32_avx512_vpopcntdq(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                                     std::ptrdiff_t rows, const Segment* chains, int chain_count,
                                     const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                                     std::ptrdiff_t vectors, std::int32_t valid, const float* scale,
                                     const float* shift, std::ptrdiff_t channels, float* out,
                                     const std::ptrdiff_t* outputs) {
  run<F32Column>({input, inputs, chains, chain_count, weights, vector_stride},
                 {valid, scale, shift, channels, out, outputs}, rows, vectors);
}

void xnor_chain_bits_avx512_vpopcntdq(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                                      std::ptrdiff_t rows, const Segment* chains, int chain_count,
                                      const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                                      std::ptrdiff_t vectors, std::int32_t valid,
                                      const std::int32_t* limit, const std::uint8_t* flips,
                                      std::uint8_t* out, const std::ptrdiff_t* outputs) {
  run<BitsColumn>({input, inputs, chains, chain_count, weights, vector_stride},
                  {valid, limit, flips, out, outputs}, rows, vectors);
}

}  // namespace bnn
