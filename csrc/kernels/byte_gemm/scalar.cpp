#include "kernels/byte_gemm/byte_gemm.h"
#include "kernels/byte_gemm/tiles.h"

namespace bnn {
namespace {

template <class Input>
struct Tiles {
  static constexpr int kLanes = 16;
  static constexpr bool kInputSums = false;
  static constexpr int kMaxRows[kMaxVectors] = {1, 1, 1, 1};
  struct Sums {
    std::int32_t lanes[kLanes];
  };
  struct InputSum {};
  // Σ ±x of four bytes for all 16 signs: a lane's four weights say which.
  struct Factor {
    std::int32_t signed_sums[16];
  };
  using Weights = std::uint64_t;

  template <int kRows, int kVectors>
  static void tile(const Call<Input>& call, int first_row) {
    byte_tile<Tiles, kRows, kVectors>(call, first_row);
  }

  static Sums zero() { return {}; }
  static InputSum input_zero() { return {}; }
  static Factor signed_sums(std::int32_t a, std::int32_t b, std::int32_t c, std::int32_t d) {
    Factor factor;
    for (int signs = 0; signs < 4; ++signs) {
      const std::int32_t low = ((signs & 1) != 0 ? -a : a) + ((signs & 2) != 0 ? -b : b);
      factor.signed_sums[signs] = low + c + d;
      factor.signed_sums[signs + 4] = low - c + d;
      factor.signed_sums[signs + 8] = low + c - d;
      factor.signed_sums[signs + 12] = low - c - d;
    }
    return factor;
  }
  static Factor load(const Input* x) { return signed_sums(x[0], x[1], x[2], x[3]); }
  static Factor load(const Input* x, std::ptrdiff_t count) {
    return signed_sums(x[0], count > 1 ? x[1] : 0, count > 2 ? x[2] : 0, 0);
  }
  static Weights weights(std::uint64_t word) { return word; }
  static Sums add(Sums sum, const Factor& x, Weights w) {
    for (int l = 0; l < kLanes; ++l) sum.lanes[l] += x.signed_sums[(w >> (4 * l)) & 15];
    return sum;
  }
  static void store(std::int32_t* out, const Sums& sum, InputSum) {
    for (int l = 0; l < kLanes; ++l) out[l] = sum.lanes[l];
  }
};

}  // namespace

void byte_gemm_u8_scalar(const std::uint8_t* input, std::ptrdiff_t row_stride, int rows,
                         const Segment* segments, int segment_count, const std::uint64_t* weights,
                         std::ptrdiff_t vector_stride, int vectors, std::int32_t* acc,
                         std::ptrdiff_t acc_stride) {
  sweep<Tiles<std::uint8_t>>(Call<std::uint8_t>{input, row_stride, segments, segment_count, weights,
                                                vector_stride, acc, acc_stride},
                             rows, vectors);
}

void byte_gemm_i8_scalar(const std::int8_t* input, std::ptrdiff_t row_stride, int rows,
                         const Segment* segments, int segment_count, const std::uint64_t* weights,
                         std::ptrdiff_t vector_stride, int vectors, std::int32_t* acc,
                         std::ptrdiff_t acc_stride) {
  sweep<Tiles<std::int8_t>>(Call<std::int8_t>{input, row_stride, segments, segment_count, weights,
                                              vector_stride, acc, acc_stride},
                            rows, vectors);
}

}  // namespace bnn
