// xnor_gemm for x86 without vpopcntq: what the files of AVX2 and AVX-512BW share. Everything has
// internal linkage, for each of these files needs its own copy, compiled with its own flags. With
// AVX-512BW the same code has twice the registers and larger tiles; 512-bit registers, whose tables
// are costly to broadcast, are a sixth slower on Zen 4.
//
// Two ways to count, by the number of rows:
//
// 1. count_bits: popcount(x xor w) byte by byte, a table look-up for each nibble. Some 8 operations
//    for 32 bytes of products. For few rows.
//
// 2. lookup_pairs: neither xor nor popcount. For a nibble a of a row, the table
//    i ↦ popcount(a xor i) has 16 entries of at most 4, so one byte shuffle with 16 channels'
//    weight nibbles as indices counts 4 · 16 products. An entry needs half a byte; the other half
//    counts for a second row, whose nibble is b:
//
//        table[a + 16·b][i] = popcount(a xor i) + 16·popcount(b xor i)
//
//    Three entries add up to at most 12 in each half. With t their sum, keep
//
//        all += t  (mod 256)        upper += t >> 4  (at most 252 after 63 shuffles)
//
//    and the sum of the lower halves, at most 252 too, is all − 16·upper (mod 256). So 3 shuffles,
//    2 + 1 additions and 3 operations for `upper`, 9 in all, count 2 · 12 products a channel: way 1
//    needs 24. The price: the weights must be transposed so that a register holds the same nibble
//    of all its channels, once a call, which costs as much as counting two or three rows.
#pragma once

#include <immintrin.h>

#include "kernels/xnor_gemm/xnor_gemm.h"

namespace bnn {
namespace {

constexpr int kLanes = 16;  // four u64x4, or half a u8x32

struct Call {
  const std::uint64_t* input;
  std::ptrdiff_t row_stride;
  const Segment* segments;
  int segment_count;
  const std::uint64_t* weights;
  std::ptrdiff_t vector_stride;
  std::int32_t valid;
  std::int32_t* acc;
  std::ptrdiff_t acc_stride;
};

inline __m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline void store(void* p, __m256i x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
inline __m256i high_nibbles(__m256i x_u8x32) {
  return _mm256_and_si256(_mm256_srli_epi16(x_u8x32, 4), _mm256_set1_epi8(0x0F));
}

// --- way 1

constexpr int kPartLanes = 4;  // u64x4
constexpr int kParts = kLanes / kPartLanes;

// A word adds at most 8 to each byte of a byte-wise popcount, so 31 words fit in a byte.
constexpr std::ptrdiff_t kWordsPerFlush = 31;

// The number of ones of each byte, by table look-up of its two nibbles.
inline __m256i popcount_u8x32(__m256i x) {
  const __m256i table_u8x32 =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m256i low = _mm256_and_si256(x, _mm256_set1_epi8(0x0F));
  return _mm256_add_epi8(_mm256_shuffle_epi8(table_u8x32, low),
                         _mm256_shuffle_epi8(table_u8x32, high_nibbles(x)));
}

// kRows rows of one vector. Byte-wise counts stay in registers; every 31 words they are added up
// (vpsadbw) into the 64-bit totals.
template <int kRows>
void count_bits(const Call& call, int first_row, int vector) {
  __m256i total_u64x4[kRows][kParts];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < kParts; ++p) total_u64x4[r][p] = _mm256_setzero_si256();
  }
  const std::ptrdiff_t row_stride = call.row_stride;
  const std::uint64_t* rows = call.input + first_row * row_stride;
  const std::uint64_t* weights = call.weights + vector * call.vector_stride;
  int s = 0;
  std::ptrdiff_t done = 0;  // words of segment s already counted
  while (s < call.segment_count) {
    if (done == 0 && call.segments[s].doublings > 0) {
      const __m128i doublings = _mm_cvtsi32_si128(call.segments[s].doublings);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int p = 0; p < kParts; ++p) {
          total_u64x4[r][p] = _mm256_sll_epi64(total_u64x4[r][p], doublings);
        }
      }
    }
    __m256i ones_u8x32[kRows][kParts];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int p = 0; p < kParts; ++p) ones_u8x32[r][p] = _mm256_setzero_si256();
    }
    // Up to 31 words, from as many segments as that takes, up to the next one that doubles.
    std::ptrdiff_t room = kWordsPerFlush;
    do {
      const std::uint64_t* x = rows + call.segments[s].input + done;
      const std::uint64_t* w = weights + (call.segments[s].weight + done) * kLanes;
      const std::ptrdiff_t left = call.segments[s].length - done;
      const std::ptrdiff_t words = left < room ? left : room;
      for (std::ptrdiff_t k = words; k > 0; --k, ++x, w += kLanes) {
        __m256i x_u64x4[kRows];
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          x_u64x4[r] = _mm256_set1_epi64x(static_cast<long long>(x[r * row_stride]));
        }
#pragma GCC unroll 4
        for (int p = 0; p < kParts; ++p) {
          const __m256i w_u64x4 = load(w + p * kPartLanes);
#pragma GCC unroll 4
          for (int r = 0; r < kRows; ++r) {
            ones_u8x32[r][p] = _mm256_add_epi8(
                ones_u8x32[r][p], popcount_u8x32(_mm256_xor_si256(x_u64x4[r], w_u64x4)));
          }
        }
      }
      room -= words;
      if (words == left) {
        ++s;
        done = 0;
      } else {
        done += words;
      }
    } while (room > 0 && s < call.segment_count && call.segments[s].doublings == 0);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int p = 0; p < kParts; ++p) {
        total_u64x4[r][p] = _mm256_add_epi64(
            total_u64x4[r][p], _mm256_sad_epu8(ones_u8x32[r][p], _mm256_setzero_si256()));
      }
    }
  }
  const __m256i even_dwords = _mm256_setr_epi32(0, 2, 4, 6, 0, 0, 0, 0);
  const __m128i valid_i32x4 = _mm_set1_epi32(call.valid);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    std::int32_t* out = call.acc + (first_row + r) * call.acc_stride + vector * kLanes;
#pragma GCC unroll 4
    for (int p = 0; p < kParts; ++p) {
      const __m128i ones_i32x4 =
          _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(total_u64x4[r][p], even_dwords));
      _mm_store_si128(reinterpret_cast<__m128i*>(out + p * kPartLanes),
                      _mm_sub_epi32(valid_i32x4, _mm_slli_epi32(ones_i32x4, 1)));
    }
  }
}

// --- way 2

constexpr int kTableBytes = 16;

struct PairTables {
  alignas(64) std::uint8_t counts[256 * kTableBytes];

  constexpr PairTables() : counts() {
    for (int a = 0; a < 256; ++a) {
      for (int i = 0; i < kTableBytes; ++i) {
        const int differ = a ^ (i * 0x11);
        int count = 0;  // of ones in each half, both at once
        for (int bit = 0; bit < 4; ++bit) count += (differ >> bit) & 0x11;
        counts[a * kTableBytes + i] = static_cast<std::uint8_t>(count);
      }
    }
  }
};
constexpr PairTables kPairTables;

constexpr int kNibbles = 16;     // of a word
constexpr int kStep = 3;         // shuffles before a split
constexpr int kFlush = 63;       // shuffles before a flush
constexpr int kChunkWords = 15;  // of K at a time: the transposed weights of a call stay in L1
constexpr int kChunkNibbles = (kChunkWords * kNibbles + kStep - 1) / kStep * kStep;

// A group: two vectors, whose channels share a register.
constexpr std::ptrdiff_t kRegisterBytes = 32;
constexpr std::ptrdiff_t kGroupBytes = kChunkNibbles * kRegisterBytes;

// Counts of a row, u16: [parity of the vector][group][channel], channels in the order of
// transpose_word. A chunk adds at most 64 · kChunkWords.
constexpr int kRowTotals = kMaxVectors * kLanes;
constexpr int kParityTotals = kRowTotals / 2;
constexpr int kTotalsChunks = 65535 / (64 * kChunkWords);

// One word of K: its place in a row of input and in a vector of weights.
struct Word {
  std::ptrdiff_t input;
  std::ptrdiff_t weight;
};

// Lists the words under the segments, a chunk at a time. A segment that doubles starts a chunk.
struct WordLister {
  const Segment* segment;
  const Segment* end;
  std::ptrdiff_t done = 0;  // words of *segment listed before
  int doublings = 0;        // of the sums before the chunk

  int next(Word* words) {
    int count = 0;
    doublings = 0;
    while (segment != end && count < kChunkWords) {
      if (done == segment->length) {
        ++segment;
        done = 0;
        continue;
      }
      if (done == 0 && segment->doublings > 0) {
        if (count > 0) break;
        doublings = segment->doublings;
      }
      words[count++] = {segment->input + done, segment->weight + done};
      ++done;
    }
    return count;
  }
};

// The nibbles of one word of two vectors: 32 bytes for each nibble, one byte a channel. Even bytes
// belong to `first`, odd ones to `second`; the channels of each are in the order
// 0 1 4 5 8 9 12 13 2 3 6 7 10 11 14 15.
inline void transpose_word(const std::uint64_t* first, const std::uint64_t* second,
                           std::uint8_t* out) {
  __m256i ones[8];  // two u16x8: the eight bytes of one channel of both vectors
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m256i x = load(first + 4 * i);
    const __m256i y = load(second + 4 * i);
    ones[2 * i] = _mm256_unpacklo_epi8(x, y);
    ones[2 * i + 1] = _mm256_unpackhi_epi8(x, y);
  }
  // 8 × 8 u16 are transposed in each half: a byte of 2, of 4, and of all 8 channels together.
  __m256i twos[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    twos[i] = _mm256_unpacklo_epi16(ones[i], ones[i + 1]);
    twos[i + 1] = _mm256_unpackhi_epi16(ones[i], ones[i + 1]);
  }
  __m256i fours[2][4];
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      fours[i][2 * j] = _mm256_unpacklo_epi32(twos[4 * i + j], twos[4 * i + j + 2]);
      fours[i][2 * j + 1] = _mm256_unpackhi_epi32(twos[4 * i + j], twos[4 * i + j + 2]);
    }
  }
#pragma GCC unroll 8
  for (int b = 0; b < 8; ++b) {
    const __m256i bytes = b % 2 == 0 ? _mm256_unpacklo_epi64(fours[0][b / 2], fours[1][b / 2])
                                     : _mm256_unpackhi_epi64(fours[0][b / 2], fours[1][b / 2]);
    store(out + 2 * b * kRegisterBytes, _mm256_and_si256(bytes, _mm256_set1_epi8(0x0F)));
    store(out + (2 * b + 1) * kRegisterBytes, high_nibbles(bytes));
  }
}

// Offsets of the tables of one word of two rows, nibbles in the order of transpose_word.
inline void table_offsets(std::uint64_t a, std::uint64_t b, std::uint16_t* out) {
  constexpr std::uint64_t kLow = 0x0F0F0F0F0F0F0F0Fu;
  const std::uint64_t low = (a & kLow) | ((b & kLow) << 4);
  const std::uint64_t high = ((a >> 4) & kLow) | (b & ~kLow);
  const __m128i index_u8x16 = _mm_unpacklo_epi8(_mm_cvtsi64_si128(static_cast<long long>(low)),
                                                _mm_cvtsi64_si128(static_cast<long long>(high)));
  static_assert(kTableBytes == 1 << 4);
  store(out, _mm256_slli_epi16(_mm256_cvtepu8_epi16(index_u8x16), 4));
}

// Adds a chunk's counts of kPairs pairs of rows × kGroups groups to `totals`. `offsets` holds
// kChunkNibbles for each pair, `weights` kGroupBytes for each group.
template <int kPairs, int kGroups>
void lookup_tile(const std::uint16_t* offsets, int nibbles, const std::uint8_t* weights,
                 std::uint16_t* totals) {
  for (int first = 0; first < nibbles; first += kFlush) {
    const int last = nibbles - first < kFlush ? nibbles : first + kFlush;
    __m256i all_u8x32[kPairs][kGroups];
    __m256i upper_u8x32[kPairs][kGroups];
#pragma GCC unroll 4
    for (int p = 0; p < kPairs; ++p) {
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) {
        all_u8x32[p][g] = upper_u8x32[p][g] = _mm256_setzero_si256();
      }
    }
    int n = first;
    do {
#pragma GCC unroll 4
      for (int p = 0; p < kPairs; ++p) {
        __m256i t_u8x32[kGroups];
#pragma GCC unroll 3
        for (int i = 0; i < kStep; ++i) {
          const std::uint8_t* table = kPairTables.counts + offsets[p * kChunkNibbles + n + i];
          const __m256i table_u8x32 =
              _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
#pragma GCC unroll 2
          for (int g = 0; g < kGroups; ++g) {
            const __m256i w_u8x32 = load(weights + g * kGroupBytes + (n + i) * kRegisterBytes);
            const __m256i counts = _mm256_shuffle_epi8(table_u8x32, w_u8x32);
            t_u8x32[g] = i == 0 ? counts : _mm256_add_epi8(t_u8x32[g], counts);
          }
        }
#pragma GCC unroll 2
        for (int g = 0; g < kGroups; ++g) {
          all_u8x32[p][g] = _mm256_add_epi8(all_u8x32[p][g], t_u8x32[g]);
          upper_u8x32[p][g] = _mm256_add_epi8(upper_u8x32[p][g], high_nibbles(t_u8x32[g]));
        }
      }
      n += kStep;
    } while (n < last);
#pragma GCC unroll 4
    for (int p = 0; p < kPairs; ++p) {
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) {
        const __m256i sixteen_upper =
            _mm256_andnot_si256(_mm256_set1_epi8(0x0F), _mm256_slli_epi16(upper_u8x32[p][g], 4));
        const __m256i counts[2] = {_mm256_sub_epi8(all_u8x32[p][g], sixteen_upper),
                                   upper_u8x32[p][g]};
#pragma GCC unroll 2
        for (int r = 0; r < 2; ++r) {
          std::uint16_t* even = totals + (2 * p + r) * kRowTotals + g * kLanes;
          std::uint16_t* odd = even + kParityTotals;
          const __m256i even_u16x16 = _mm256_and_si256(counts[r], _mm256_set1_epi16(0xFF));
          const __m256i odd_u16x16 = _mm256_srli_epi16(counts[r], 8);
          store(even, _mm256_add_epi16(load(even), even_u16x16));
          store(odd, _mm256_add_epi16(load(odd), odd_u16x16));
        }
      }
    }
  }
}

// One row's vector: acc = valid − 2 · (ones · 2^doublings + totals), where ones = 0 the first time
// and (valid − acc) / 2 after that.
inline void subtract_totals(const std::uint16_t* totals, bool first_time, int doublings,
                            std::int32_t valid, std::int32_t* acc) {
  const __m128i left = _mm_load_si128(reinterpret_cast<const __m128i*>(totals));
  const __m128i right = _mm_load_si128(reinterpret_cast<const __m128i*>(totals + 8));
  const __m128i in_order[2] = {_mm_unpacklo_epi32(left, right), _mm_unpackhi_epi32(left, right)};
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const __m256i valid_i32x8 = _mm256_set1_epi32(valid);
    __m256i before = valid_i32x8;
    if (!first_time) {
      const __m256i twice_ones_i32x8 = _mm256_sub_epi32(valid_i32x8, load(acc + 8 * i));
      before = _mm256_sub_epi32(valid_i32x8,
                                _mm256_sll_epi32(twice_ones_i32x8, _mm_cvtsi32_si128(doublings)));
    }
    const __m256i ones_i32x8 = _mm256_cvtepu16_epi32(in_order[i]);
    store(acc + 8 * i, _mm256_sub_epi32(before, _mm256_slli_epi32(ones_i32x8, 1)));
  }
}

// All rows of kGroups groups of vectors, at most kPairs (2 or 4) pairs of rows at a time.
template <int kPairs, int kGroups>
void lookup_pairs(const Call& call, int rows, int vectors) {
  using TileFn = void (*)(const std::uint16_t*, int, const std::uint8_t*, std::uint16_t*);
  constexpr TileFn kTiles[] = {lookup_tile<1, kGroups>, lookup_tile<2, kGroups>,
                               lookup_tile<(kPairs > 2 ? 3 : 2), kGroups>,
                               lookup_tile<(kPairs > 2 ? 4 : 2), kGroups>};
  alignas(64) std::uint8_t weights[kGroups * kGroupBytes];
  alignas(64) std::uint16_t offsets[kPairs * kChunkNibbles];
  alignas(64) std::uint16_t totals[kMaxRows * kRowTotals];
  const int pairs = (rows + 1) / 2;
  WordLister lister{call.segments, call.segments + call.segment_count};
  Word words[kChunkWords];
  int count = lister.next(words);
  bool first_time = true;
  do {
    const int doublings = lister.doublings;
    for (int i = 0; i < 2 * pairs * kRowTotals; i += kLanes) {
      store(totals + i, _mm256_setzero_si256());
    }
    int chunk = 0;
    do {
      const int used = count * kNibbles;
      const int nibbles = (used + kStep - 1) / kStep * kStep;
      for (int g = 0; g < kGroups; ++g) {
        const std::uint64_t* first = call.weights + 2 * g * call.vector_stride;
        // Where there is no second vector, the first stands in: its counts are not read.
        const std::uint64_t* second = first + (2 * g + 1 < vectors ? call.vector_stride : 0);
        std::uint8_t* out = weights + g * kGroupBytes;
        for (int k = 0; k < count; ++k) {
          const std::ptrdiff_t at = words[k].weight * kLanes;
          transpose_word(first + at, second + at, out + k * kNibbles * kRegisterBytes);
        }
        // Nibbles beyond the last word count popcount(0 xor 0).
        for (int n = used; n < nibbles; ++n) {
          store(out + n * kRegisterBytes, _mm256_setzero_si256());
        }
      }
      // Tiles of nearly equal height: small ones load more for each shuffle.
      int pair = 0;
      for (int tiles = (pairs + kPairs - 1) / kPairs; tiles > 0; --tiles) {
        const int height = (pairs - pair + tiles - 1) / tiles;
        for (int p = 0; p < height; ++p) {
          const int row = 2 * (pair + p);
          const std::uint64_t* a = call.input + row * call.row_stride;
          // An odd number's last row is its own partner: there is room for its counts.
          const std::uint64_t* b = row + 1 < rows ? a + call.row_stride : a;
          std::uint16_t* out = offsets + p * kChunkNibbles;
          for (int k = 0; k < count; ++k) {
            table_offsets(a[words[k].input], b[words[k].input], out + k * kNibbles);
          }
          for (int n = used; n < nibbles; ++n) out[n] = 0;
        }
        kTiles[height - 1](offsets, nibbles, weights, totals + 2 * pair * kRowTotals);
        pair += height;
      }
      count = lister.next(words);
    } while (count > 0 && ++chunk < kTotalsChunks && lister.doublings == 0);
    for (int r = 0; r < rows; ++r) {
      for (int v = 0; v < vectors; ++v) {
        subtract_totals(totals + r * kRowTotals + v % 2 * kParityTotals + v / 2 * kLanes,
                        first_time, doublings, call.valid,
                        call.acc + r * call.acc_stride + v * kLanes);
      }
    }
    first_time = false;
  } while (count > 0);
}

// From how many rows on way 2 is faster, by vectors. One alone would leave half of each register
// empty, the third a quarter.
constexpr int kLookupRows[kMaxVectors] = {kMaxRows + 1, 6, 6, 4};

// kPairs: pairs of rows in a tile of two groups, by the number of registers.
template <int kPairs>
void xnor_gemm(const Call& call, int rows, int vectors) {
  if (rows < kLookupRows[vectors - 1]) {
    for (int v = 0; v < vectors; ++v) {
      int row = 0;
      for (; row + 2 <= rows; row += 2) count_bits<2>(call, row, v);
      if (row < rows) count_bits<1>(call, row, v);
    }
  } else if (vectors > 2) {
    lookup_pairs<kPairs, 2>(call, rows, vectors);
  } else {
    lookup_pairs<4, 1>(call, rows, vectors);
  }
}

}  // namespace
}  // namespace bnn
