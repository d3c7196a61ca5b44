#include <arm_neon.h>

#include "kernels/byte_gemm/byte_gemm.h"
#include "kernels/byte_gemm/tiles.h"

namespace bnn {
namespace {

// 16-bit sums of neighbouring bytes, and 32-bit sums of those.
template <class Input>
struct Vectors;

template <>
struct Vectors<std::uint8_t> {
  using Bytes = uint8x16_t;
  using Sum = uint16x8_t;
  static Sum zero() { return vdupq_n_u16(0); }
  static Bytes bytes(std::int32_t four) { return vreinterpretq_u8_s32(vdupq_n_s32(four)); }
  static Bytes select(Bytes x, uint8x16_t mask) { return vandq_u8(x, mask); }
  static Sum add(Sum sum, Bytes x) { return vpadalq_u8(sum, x); }
  static int32x4_t total(Sum sum) { return vreinterpretq_s32_u32(vpaddlq_u16(sum)); }
};

template <>
struct Vectors<std::int8_t> {
  using Bytes = int8x16_t;
  using Sum = int16x8_t;
  static Sum zero() { return vdupq_n_s16(0); }
  static Bytes bytes(std::int32_t four) { return vreinterpretq_s8_s32(vdupq_n_s32(four)); }
  static Bytes select(Bytes x, uint8x16_t mask) { return vandq_s8(x, vreinterpretq_s8_u8(mask)); }
  static Sum add(Sum sum, Bytes x) { return vpadalq_s8(sum, x); }
  static int32x4_t total(Sum sum) { return vpaddlq_s16(sum); }
};

template <class Input>
struct Tiles {
  static constexpr int kLanes = 16;
  static constexpr bool kInputSums = true;
  // Sums of two bytes lie between −2^8 and 2^9 − 2: 128 of them fit into 16 bits of their kind.
  static constexpr std::ptrdiff_t kMaxSteps = 128;
  static constexpr int kMaxRows[kMaxVectors] = {4, 2, 1, 1};
  using V = Vectors<Input>;
  struct Sums {
    typename V::Sum quarters[4];  // four lanes each, of elements with weight −1
  };
  using InputSum = typename V::Sum;
  using Factor = typename V::Bytes;
  struct Weights {
    uint8x16_t masks[4];  // all ones where the weight is −1
  };

  template <int kRows, int kVectors>
  static void tile(const Call<Input>& call, int first_row) {
    byte_tile<Tiles, kRows, kVectors>(call, first_row);
  }

  static Sums zero() { return {{V::zero(), V::zero(), V::zero(), V::zero()}}; }
  static InputSum input_zero() { return V::zero(); }
  static Factor load(const Input* x) { return V::bytes(load_bytes(x)); }
  static Factor load(const Input* x, std::ptrdiff_t count) {
    return V::bytes(load_bytes(x, count));
  }
  static Weights weights(std::uint64_t word) {
    const uint8x16_t bit_of_byte = vreinterpretq_u8_u64(vdupq_n_u64(0x8040'2010'0804'0201u));
    Weights w;
    for (int q = 0; q < 4; ++q, word >>= 16) {
      const uint8x16_t bytes = vcombine_u8(vdup_n_u8(static_cast<std::uint8_t>(word)),
                                           vdup_n_u8(static_cast<std::uint8_t>(word >> 8)));
      w.masks[q] = vtstq_u8(bytes, bit_of_byte);
    }
    return w;
  }
  static Sums add(Sums sum, Factor x, const Weights& w) {
    for (int q = 0; q < 4; ++q) {
      sum.quarters[q] = V::add(sum.quarters[q], V::select(x, w.masks[q]));
    }
    return sum;
  }
  static InputSum add_input(InputSum sum, Factor x) { return V::add(sum, x); }
  static void store(std::int32_t* out, const Sums& sum, InputSum input, bool onto) {
    for (int q = 0; q < 4; ++q, out += 4) {
      const int32x4_t y = vmlsq_n_s32(V::total(input), V::total(sum.quarters[q]), 2);
      vst1q_s32(out, onto ? vaddq_s32(y, vld1q_s32(out)) : y);
    }
  }
};

// Several rows share the expanded weights of one vector; one row needs the independent sums of
// four.
template <class Input>
void sweep_bytes(const Call<Input>& call, int rows, int vectors) {
  sweep_in_steps<Tiles<Input>>(call, rows, vectors, rows == 1 ? kMaxVectors : 1);
}

}  // namespace

void byte_gemm_u8_neon(const std::uint8_t* input, std::ptrdiff_t row_stride, int rows,
                       const Segment* segments, int segment_count, const std::uint64_t* weights,
                       std::ptrdiff_t vector_stride, int vectors, std::int32_t* acc,
                       std::ptrdiff_t acc_stride) {
  sweep_bytes(Call<std::uint8_t>{input, row_stride, segments, segment_count, weights, vector_stride,
                                 acc, acc_stride},
              rows, vectors);
}

void byte_gemm_i8_neon(const std::int8_t* input, std::ptrdiff_t row_stride, int rows,
                       const Segment* segments, int segment_count, const std::uint64_t* weights,
                       std::ptrdiff_t vector_stride, int vectors, std::int32_t* acc,
                       std::ptrdiff_t acc_stride) {
  sweep_bytes(Call<std::int8_t>{input, row_stride, segments, segment_count, weights, vector_stride,
                                acc, acc_stride},
              rows, vectors);
}

}  // namespace bnn
