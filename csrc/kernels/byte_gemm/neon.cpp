#include <arm_neon.h>

#include "kernels/byte_gemm/byte_gemm.h"
#include "kernels/byte_gemm/tiles.h"

namespace bnn {
namespace {

// Adds the sums of four neighbouring bytes.
inline uint32x4_t add_bytes(uint32x4_t sum, uint8x16_t x) {
  return vpadalq_u16(sum, vpaddlq_u8(x));
}
inline int32x4_t add_bytes(int32x4_t sum, int8x16_t x) { return vpadalq_s16(sum, vpaddlq_s8(x)); }

inline uint32x4_t add_bytes(uint32x4_t sum, uint8x16_t x, uint8x16_t mask) {
  return add_bytes(sum, vandq_u8(x, mask));
}
inline int32x4_t add_bytes(int32x4_t sum, int8x16_t x, uint8x16_t mask) {
  return add_bytes(sum, vandq_s8(x, vreinterpretq_s8_u8(mask)));
}

// The sum of the input less twice that of the elements with weight −1.
inline void store_difference(std::int32_t* out, uint32x4_t input, uint32x4_t negative) {
  vst1q_s32(out, vreinterpretq_s32_u32(vsubq_u32(input, vshlq_n_u32(negative, 1))));
}
inline void store_difference(std::int32_t* out, int32x4_t input, int32x4_t negative) {
  vst1q_s32(out, vsubq_s32(input, vshlq_n_s32(negative, 1)));
}

template <class Input>
struct Vectors;
template <>
struct Vectors<std::uint8_t> {
  using Bytes = uint8x16_t;
  using Quarter = uint32x4_t;
  static Quarter zero() { return vdupq_n_u32(0); }
  static Bytes bytes(std::int32_t four) { return vreinterpretq_u8_s32(vdupq_n_s32(four)); }
};
template <>
struct Vectors<std::int8_t> {
  using Bytes = int8x16_t;
  using Quarter = int32x4_t;
  static Quarter zero() { return vdupq_n_s32(0); }
  static Bytes bytes(std::int32_t four) { return vreinterpretq_s8_s32(vdupq_n_s32(four)); }
};

template <class Input>
struct Tiles {
  static constexpr int kLanes = 16;
  static constexpr bool kInputSums = true;
  static constexpr int kMaxRows[kMaxVectors] = {4, 2, 1, 1};
  using Quarter = typename Vectors<Input>::Quarter;
  struct Sums {
    Quarter quarters[4];  // four lanes each
  };
  using InputSum = Quarter;
  using Factor = typename Vectors<Input>::Bytes;
  struct Weights {
    uint8x16_t masks[4];  // all ones where the weight is −1
  };

  template <int kRows, int kVectors>
  static void tile(const Call<Input>& call, int first_row) {
    byte_tile<Tiles, kRows, kVectors>(call, first_row);
  }

  static Sums zero() {
    const Quarter none = Vectors<Input>::zero();
    return {{none, none, none, none}};
  }
  static InputSum input_zero() { return Vectors<Input>::zero(); }
  static Factor load(const Input* x) { return Vectors<Input>::bytes(load_bytes(x)); }
  static Factor load(const Input* x, std::ptrdiff_t count) {
    return Vectors<Input>::bytes(load_bytes(x, count));
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
    for (int q = 0; q < 4; ++q) sum.quarters[q] = add_bytes(sum.quarters[q], x, w.masks[q]);
    return sum;
  }
  static InputSum add_input(InputSum sum, Factor x) { return add_bytes(sum, x); }
  static void store(std::int32_t* out, const Sums& sum, InputSum input) {
    for (int q = 0; q < 4; ++q) store_difference(out + 4 * q, input, sum.quarters[q]);
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
