#include <immintrin.h>

#include "kernels/dot_tiles.h"
#include "kernels/xnor_masked/call.h"
#include "kernels/xnor_masked/xnor_masked.h"

namespace bnn {
namespace {

constexpr int kLanes = 8;  // u64x8

// Truth table of (x xor w) and m.
constexpr int kDiffer = 0x28;

enum class Masked { input, weights, both };

struct TileCall : Call {
  const std::int32_t* row_valid;   // per row, where only the input is masked
  const std::int32_t* lane_valid;  // per vector and lane, where only the weights are
};

inline __m512i popcount(__m512i x) { return _mm512_popcnt_epi64(x); }

inline __m512i shift_left(__m512i x, int count) {
  return _mm512_sll_epi64(x, _mm_cvtsi32_si128(count));
}

// Ones of the masks of one row: eight words at a time.
std::int32_t count_row_masks(const Call& call, const std::uint64_t* row) {
  __m512i ones_u64x8 = _mm512_setzero_si512();
  for (int s = 0; s < call.segment_count; ++s) {
    const std::uint64_t* mask = row + call.segments[s].input + call.input_mask;
    std::ptrdiff_t left = call.segments[s].length;
    ones_u64x8 = shift_left(ones_u64x8, call.segments[s].doublings);
    for (; left >= kLanes; left -= kLanes, mask += kLanes) {
      ones_u64x8 = _mm512_add_epi64(ones_u64x8, popcount(_mm512_loadu_si512(mask)));
    }
    const __mmask8 rest = static_cast<__mmask8>((1u << left) - 1);
    ones_u64x8 = _mm512_add_epi64(ones_u64x8, popcount(_mm512_maskz_loadu_epi64(rest, mask)));
  }
  return static_cast<std::int32_t>(_mm512_reduce_add_epi64(ones_u64x8));
}

// Ones of the masks of each lane of one vector.
__m256i count_lane_masks(const Call& call, const std::uint64_t* weights) {
  __m512i ones_u64x8 = _mm512_setzero_si512();
  for (int s = 0; s < call.segment_count; ++s) {
    const std::uint64_t* mask = weights + call.segments[s].weight * kLanes + call.weight_mask;
    ones_u64x8 = shift_left(ones_u64x8, call.segments[s].doublings);
    for (std::ptrdiff_t k = call.segments[s].length; k > 0; --k, mask += kLanes) {
      ones_u64x8 = _mm512_add_epi64(ones_u64x8, popcount(_mm512_loadu_si512(mask)));
    }
  }
  return _mm512_cvtepi64_epi32(ones_u64x8);
}

// The sums stay in registers over all segments: per word and sum one three-operand logic, one
// vpopcntq and one add; with masks on both sides as much again for the ones of their intersection.
template <Masked kMasked, int kRows, int kVectors>
void count_tile(const TileCall& call, int first_row) {
  constexpr bool kBoth = kMasked == Masked::both;
  __m512i differ_u64x8[kRows][kVectors];
  __m512i valid_u64x8[kBoth ? kRows : 1][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      differ_u64x8[r][v] = _mm512_setzero_si512();
      if constexpr (kBoth) valid_u64x8[r][v] = _mm512_setzero_si512();
    }
  }
  const std::ptrdiff_t vector_stride = call.vector_stride;
  const std::ptrdiff_t input_mask = call.input_mask;
  const std::ptrdiff_t weight_mask = call.weight_mask;
  for (int s = 0; s < call.segment_count; ++s) {
    const Segment& segment = call.segments[s];
    if (segment.doublings > 0) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          differ_u64x8[r][v] = shift_left(differ_u64x8[r][v], segment.doublings);
          if constexpr (kBoth) valid_u64x8[r][v] = shift_left(valid_u64x8[r][v], segment.doublings);
        }
      }
    }
    const std::uint64_t* x[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) x[r] = call.input + call.inputs[first_row + r] + segment.input;
    const std::uint64_t* w = call.weights + segment.weight * kLanes;
    const std::ptrdiff_t length = segment.length;
    for (std::ptrdiff_t k = 0; k < length; ++k, w += kLanes) {
      __m512i w_u64x8[kVectors];
      __m512i w_mask_u64x8[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        w_u64x8[v] = _mm512_loadu_si512(w + v * vector_stride);
        if constexpr (kMasked != Masked::input) {
          w_mask_u64x8[v] = _mm512_loadu_si512(w + v * vector_stride + weight_mask);
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const __m512i x_u64x8 = _mm512_set1_epi64(static_cast<long long>(x[r][k]));
        __m512i x_mask_u64x8;
        if constexpr (kMasked != Masked::weights) {
          x_mask_u64x8 = _mm512_set1_epi64(static_cast<long long>(x[r][k + input_mask]));
        }
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          __m512i mask;
          if constexpr (kMasked == Masked::input) mask = x_mask_u64x8;
          if constexpr (kMasked == Masked::weights) mask = w_mask_u64x8[v];
          if constexpr (kBoth) {
            mask = _mm512_and_si512(x_mask_u64x8, w_mask_u64x8[v]);
            valid_u64x8[r][v] = _mm512_add_epi64(valid_u64x8[r][v], popcount(mask));
          }
          differ_u64x8[r][v] = _mm512_add_epi64(
              differ_u64x8[r][v],
              popcount(_mm512_ternarylogic_epi64(x_u64x8, w_u64x8[v], mask, kDiffer)));
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      __m256i valid_i32x8;
      if constexpr (kMasked == Masked::input) {
        valid_i32x8 = _mm256_set1_epi32(call.row_valid[first_row + r]);
      }
      if constexpr (kMasked == Masked::weights) {
        valid_i32x8 =
            _mm256_load_si256(reinterpret_cast<const __m256i*>(call.lane_valid + v * kLanes));
      }
      if constexpr (kBoth) valid_i32x8 = _mm512_cvtepi64_epi32(valid_u64x8[r][v]);
      const __m256i differ_i32x8 = _mm512_cvtepi64_epi32(differ_u64x8[r][v]);
      std::int32_t* out = call.acc + (first_row + r) * call.acc_stride + v * kLanes;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                          _mm256_sub_epi32(valid_i32x8, _mm256_slli_epi32(differ_i32x8, 1)));
    }
  }
}

// As many sums as the 32 registers hold beside weights, masks and input.
struct OneMask {
  static constexpr int kMaxRows[kMaxVectors] = {8, 8, 6, 5};
};
struct TwoMasks {
  static constexpr int kMaxRows[kMaxVectors] = {8, 5, 3, 2};
};

template <Masked kMasked, class Limits>
struct Tiles : Limits {
  template <int kRows, int kVectors>
  static void tile(const TileCall& call, int first_row) {
    count_tile<kMasked, kRows, kVectors>(call, first_row);
  }
};

}  // namespace

void xnor_masked_avx512_vpopcntdq(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                                  std::ptrdiff_t rows, std::ptrdiff_t input_mask,
                                  const Segment* segments, int segment_count,
                                  const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                                  std::ptrdiff_t vectors, std::ptrdiff_t weight_mask,
                                  std::int32_t* acc, std::ptrdiff_t acc_stride) {
  alignas(64) std::int32_t row_valid[kMaxRows];
  alignas(64) std::int32_t lane_valid[kMaxVectors * kLanes];
  const TileCall call{{input, inputs, input_mask, segments, segment_count, weights, vector_stride,
                       weight_mask, acc, acc_stride},
                      row_valid,
                      lane_valid};
  const int row_count = static_cast<int>(rows);
  const int vector_count = static_cast<int>(vectors);
  if (weight_mask == 0) {
    for (int r = 0; r < row_count; ++r) row_valid[r] = count_row_masks(call, input + inputs[r]);
    sweep<Tiles<Masked::input, OneMask>>(call, row_count, vector_count);
  } else if (input_mask == 0) {
    for (int v = 0; v < vector_count; ++v) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(lane_valid + v * kLanes),
                         count_lane_masks(call, weights + v * vector_stride));
    }
    sweep<Tiles<Masked::weights, OneMask>>(call, row_count, vector_count);
  } else {
    sweep<Tiles<Masked::both, TwoMasks>>(call, row_count, vector_count);
  }
}

}  // namespace bnn
