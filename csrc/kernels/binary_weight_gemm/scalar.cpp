#include "kernels/binary_weight_gemm/binary_weight_gemm.h"
#include "kernels/binary_weight_gemm/plus_minus_one.h"
#include "kernels/vectors/f32_scalar.h"

namespace bnn {
namespace {

struct Tiles : BinaryWeights<F32> {
  using Walk = EveryElement;
  static constexpr int kMaxRows[kMaxVectors] = {4, 1, 1, 1};
  template <int kRows, int kVectors>
  static void tile(const Call& call, int first_row) {
    float_tile<Tiles, kRows, kVectors>(call, first_row);
  }

  static Vector weights(const std::uint16_t* w) {
    const unsigned bits = *w;
    return {load_f32x4(kPlusMinusOne<4>.factors[bits & 15]),
            load_f32x4(kPlusMinusOne<4>.factors[(bits >> 4) & 15])};
  }
};

}  // namespace

void binary_weight_gemm_scalar(const float* input, std::ptrdiff_t row_stride, int rows,
                               const Segment* segments, int segment_count,
                               const std::uint16_t* weights, std::ptrdiff_t vector_stride,
                               int vectors, float* acc, std::ptrdiff_t acc_stride) {
  // Eight independent sums of four lanes hide the latency of an addition: from four rows, else from
  // four vectors.
  const int step = rows < 4 ? kMaxVectors : 1;
  sweep_in_steps<Tiles>(
      Call{input, row_stride, segments, segment_count, weights, vector_stride, acc, acc_stride},
      rows, vectors, step);
}

}  // namespace bnn
