#include <arm_neon.h>

#include "kernels/dot_tiles.h"
#include "kernels/xnor_gemm/xnor_gemm.h"

namespace bnn {
namespace {

constexpr int kLanes = 4;      // two u64x2
constexpr int kHalfLanes = 2;  // one u64x2

// A word adds at most 8 to each byte of a byte-wise popcount, so 31 words fit in a byte.
constexpr std::ptrdiff_t kWordsPerFlush = 31;

struct Call : DotCall<std::uint64_t, std::uint64_t, std::int32_t> {
  std::int32_t valid;
};

// kRows × kVectors × 2 byte-wise counts stay in registers (eor, cnt and add per 128 products);
// every 31 words they are widened into the 32-bit totals.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void count_tile(const Call& call, int first_row) {
  uint32x4_t total_u32x4[kRows][kVectors][2];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      total_u32x4[r][v][0] = total_u32x4[r][v][1] = vdupq_n_u32(0);
    }
  }
  const std::ptrdiff_t row_stride = call.row_stride;
  const std::ptrdiff_t vector_stride = call.vector_stride;
  const std::uint64_t* rows = call.input + first_row * row_stride;
  int s = 0;
  std::ptrdiff_t done = 0;  // words of segment s already counted
  while (s < call.segment_count) {
    if (done == 0 && call.segments[s].doublings > 0) {
      const int32x4_t doublings = vdupq_n_s32(call.segments[s].doublings);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll 2
          for (int h = 0; h < 2; ++h) {
            total_u32x4[r][v][h] = vshlq_u32(total_u32x4[r][v][h], doublings);
          }
        }
      }
    }
    uint8x16_t ones_u8x16[kRows][kVectors][2];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        ones_u8x16[r][v][0] = ones_u8x16[r][v][1] = vdupq_n_u8(0);
      }
    }
    // Up to 31 words, from as many segments as that takes, up to the next one that doubles.
    std::ptrdiff_t room = kWordsPerFlush;
    do {
      const std::uint64_t* x = rows + call.segments[s].input + done;
      const std::uint64_t* w = call.weights + (call.segments[s].weight + done) * kLanes;
      const std::ptrdiff_t left = call.segments[s].length - done;
      const std::ptrdiff_t words = left < room ? left : room;
      for (std::ptrdiff_t k = words; k > 0; --k, ++x, w += kLanes) {
        uint64x2_t x_u64x2[kRows];
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) x_u64x2[r] = vdupq_n_u64(x[r * row_stride]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll 2
          for (int h = 0; h < 2; ++h) {
            const uint64x2_t w_u64x2 = vld1q_u64(w + v * vector_stride + h * kHalfLanes);
#pragma GCC unroll 4
            for (int r = 0; r < kRows; ++r) {
              const uint8x16_t differ = vreinterpretq_u8_u64(veorq_u64(x_u64x2[r], w_u64x2));
              ones_u8x16[r][v][h] = vaddq_u8(ones_u8x16[r][v][h], vcntq_u8(differ));
            }
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
      for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll 2
        for (int h = 0; h < 2; ++h) {
          total_u32x4[r][v][h] = vpadalq_u16(total_u32x4[r][v][h], vpaddlq_u8(ones_u8x16[r][v][h]));
        }
      }
    }
  }
  const int32x4_t valid_i32x4 = vdupq_n_s32(call.valid);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      // A lane's 64 bits hold two totals.
      const int32x4_t ones_i32x4 =
          vreinterpretq_s32_u32(vpaddq_u32(total_u32x4[r][v][0], total_u32x4[r][v][1]));
      std::int32_t* out = call.acc + (first_row + r) * call.acc_stride + v * kLanes;
      vst1q_s32(out, vmlsq_n_s32(valid_i32x4, ones_i32x4, 2));
    }
  }
}

struct Tiles {
  // At most 16 counts beside weights and input in the 32 registers.
  static constexpr int kMaxRows[kMaxVectors] = {4, 4, 2, 2};
  template <int kRows, int kVectors>
  static void tile(const Call& call, int first_row) {
    count_tile<kRows, kVectors>(call, first_row);
  }
};

}  // namespace

void xnor_gemm_neon(const std::uint64_t* input, std::ptrdiff_t row_stride, int rows,
                    const Segment* segments, int segment_count, const std::uint64_t* weights,
                    std::ptrdiff_t vector_stride, int vectors, std::int32_t valid,
                    std::int32_t* acc, std::ptrdiff_t acc_stride) {
  sweep<Tiles>(
      Call{{input, row_stride, segments, segment_count, weights, vector_stride, acc, acc_stride},
           valid},
      rows, vectors);
}

}  // namespace bnn
