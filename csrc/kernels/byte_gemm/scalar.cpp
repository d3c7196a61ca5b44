#include <type_traits>

#include "kernels/byte_gemm/byte_gemm.h"
#include "kernels/byte_gemm/tiles.h"

namespace bnn {
namespace {

// Eight bits as bytes: all ones where the bit is 1.
struct ByteMasks {
  std::uint64_t masks[256];

  constexpr ByteMasks() : masks() {
    for (unsigned bits = 0; bits < 256; ++bits) {
      for (unsigned b = 0; b < 8; ++b) {
        if (((bits >> b) & 1u) != 0) masks[bits] |= std::uint64_t{0xFF} << (8 * b);
      }
    }
  }
};
constexpr ByteMasks kByteMasks;

// The vector types that GCC and Clang have everywhere: auto-vectorization leaves the sums in
// memory.
using u16x8 [[gnu::vector_size(16)]] = std::uint16_t;
using i16x8 [[gnu::vector_size(16)]] = std::int16_t;
using i32x4 [[gnu::vector_size(16)]] = std::int32_t;
using u32x4 [[gnu::vector_size(16)]] = std::uint32_t;
using u64x2 [[gnu::vector_size(16)]] = std::uint64_t;

template <class Input>
struct Tiles {
  static constexpr int kLanes = 16;
  static constexpr bool kInputSums = true;
  // Sums of two bytes lie between −2^8 and 2^9 − 2: 128 of them fit into 16 bits of their kind.
  static constexpr std::ptrdiff_t kMaxSteps = 128;
  static constexpr int kMaxRows[kMaxVectors] = {2, 1, 1, 1};
  using Halves = std::conditional_t<kIsSigned<Input>, i16x8, u16x8>;
  using Words = std::conditional_t<kIsSigned<Input>, i32x4, u32x4>;
  struct Sums {
    Halves quarters[4];  // four lanes each, two sums a lane, of elements with weight −1
  };
  using InputSum = Halves;
  using Factor = Halves;
  struct Weights {
    Halves masks[4];  // bytes, all ones where the weight is −1
  };

  template <int kRows, int kVectors>
  static void tile(const Call<Input>& call, int first_row) {
    byte_tile<Tiles, kRows, kVectors>(call, first_row);
  }

  static Sums zero() { return {}; }
  static InputSum input_zero() { return Halves{}; }
  static Factor factor(std::int32_t bytes) {
    return reinterpret_cast<Halves>(i32x4{bytes, bytes, bytes, bytes});
  }
  static Factor load(const Input* x) { return factor(load_bytes(x)); }
  static Factor load(const Input* x, std::ptrdiff_t count) { return factor(load_bytes(x, count)); }
  static Weights weights(std::uint64_t word) {
    Weights w;
    for (int q = 0; q < 4; ++q, word >>= 16) {
      w.masks[q] = reinterpret_cast<Halves>(
          u64x2{kByteMasks.masks[word & 0xFF], kByteMasks.masks[(word >> 8) & 0xFF]});
    }
    return w;
  }
  // The shifts extend the low byte and the high byte of each half by zeros or its sign.
  static Halves add_bytes(Halves sum, Halves x) { return sum + ((x << 8) >> 8) + (x >> 8); }
  static Sums add(Sums sum, Factor x, const Weights& w) {
    for (int q = 0; q < 4; ++q) sum.quarters[q] = add_bytes(sum.quarters[q], x & w.masks[q]);
    return sum;
  }
  static InputSum add_input(InputSum sum, Factor x) { return add_bytes(sum, x); }
  static i32x4 total(Halves sum) {
    const Words words = reinterpret_cast<Words>(sum);
    return reinterpret_cast<i32x4>(((words << 16) >> 16) + (words >> 16));
  }
  static void store(std::int32_t* out, const Sums& sum, InputSum input, bool onto) {
    for (int q = 0; q < 4; ++q, out += 4) {
      i32x4 y = total(input) - 2 * total(sum.quarters[q]);
      if (onto) {
        i32x4 before;
        __builtin_memcpy(&before, out, sizeof(before));
        y += before;
      }
      __builtin_memcpy(out, &y, sizeof(y));
    }
  }
};

}  // namespace

void byte_gemm_u8_scalar(const std::uint8_t* input, std::ptrdiff_t row_stride, int rows,
                         const Segment* segments, int segment_count, const std::uint64_t* weights,
                         std::ptrdiff_t vector_stride, int vectors, std::int32_t* acc,
                         std::ptrdiff_t acc_stride) {
  sweep_in_steps<Tiles<std::uint8_t>>(Call<std::uint8_t>{input, row_stride, segments, segment_count,
                                                         weights, vector_stride, acc, acc_stride},
                                      rows, vectors, 1);
}

void byte_gemm_i8_scalar(const std::int8_t* input, std::ptrdiff_t row_stride, int rows,
                         const Segment* segments, int segment_count, const std::uint64_t* weights,
                         std::ptrdiff_t vector_stride, int vectors, std::int32_t* acc,
                         std::ptrdiff_t acc_stride) {
  sweep_in_steps<Tiles<std::int8_t>>(Call<std::int8_t>{input, row_stride, segments, segment_count,
                                                       weights, vector_stride, acc, acc_stride},
                                     rows, vectors, 1);
}

}  // namespace bnn
