#include "kernels/binary_weight_gemm/binary_weight_gemm.h"
#include "kernels/binary_weight_gemm/plus_minus_one.h"
#include "kernels/vectors/f32_neon.h"

namespace bnn {
namespace {

struct Tiles : BinaryWeights<F32> {
  using Walk = EveryElement;
  static constexpr int kMaxRows[kMaxVectors] = {8, 6, 4, 2};
  template <int kRows, int kVectors>
  static void tile(const Call& call, int first_row) {
    float_tile<Tiles, kRows, kVectors>(call, first_row);
  }

  static Vector weights(const std::uint16_t* w) {
    const unsigned bits = *w;
    return {vld1q_f32(kPlusMinusOne<4>.factors[bits & 15]),
            vld1q_f32(kPlusMinusOne<4>.factors[(bits >> 4) & 15])};
  }
};

}  // namespace

void binary_weight_gemm_neon(const float* input, std::ptrdiff_t row_stride, int rows,
                             const Segment* segments, int segment_count,
                             const std::uint16_t* weights, std::ptrdiff_t vector_stride,
                             int vectors, float* acc, std::ptrdiff_t acc_stride) {
  sweep<Tiles>(
      Call{input, row_stride, segments, segment_count, weights, vector_stride, acc, acc_stride},
      rows, vectors);
}

}  // namespace bnn
