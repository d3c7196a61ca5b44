#include "kernels/f32_gemm/f32_gemm.h"
#include "kernels/f32_gemm/tiles.h"
#include "kernels/vectors/f32_avx2.h"

namespace bnn {
namespace {

struct Tiles : F32Weights<F32> {
  static constexpr int kMaxRows[kMaxVectors] = {8, 6, 4, 3};
  template <int kRows, int kVectors>
  static void tile(const Call& call, int first_row) {
    float_tile<Tiles, kRows, kVectors>(call, first_row);
  }
};

}  // namespace

void f32_gemm_avx2(const float* input, std::ptrdiff_t row_stride, int rows, const Segment* segments,
                   int segment_count, const float* weights, std::ptrdiff_t vector_stride,
                   int vectors, float* acc, std::ptrdiff_t acc_stride) {
  sweep<Tiles>(
      Call{input, row_stride, segments, segment_count, weights, vector_stride, acc, acc_stride},
      rows, vectors);
}

}  // namespace bnn
