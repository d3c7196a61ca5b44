#include "kernels/binary_weight_gemm/binary_weight_gemm.h"

namespace bnn {
namespace {

constexpr int kLanes = 8;

}  // namespace

void binary_weight_gemm_scalar(const float* input, std::ptrdiff_t row_stride, int rows,
                               const Segment* segments, int segment_count,
                               const std::uint16_t* weights, std::ptrdiff_t vector_stride,
                               int vectors, float* acc, std::ptrdiff_t acc_stride) {
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) {
      float sum[kLanes] = {};
      for (int s = 0; s < segment_count; ++s) {
        const float* x = input + r * row_stride + segments[s].input;
        const std::uint16_t* w = weights + v * vector_stride + segments[s].weight;
        for (std::ptrdiff_t k = 0; k < segments[s].length; ++k) {
          for (int l = 0; l < kLanes; ++l) {
            sum[l] += x[k] * (1.0f - static_cast<float>((w[k] >> l & 1) * 2));
          }
        }
      }
      float* out = acc + r * acc_stride + v * kLanes;
      for (int l = 0; l < kLanes; ++l) out[l] = sum[l];
    }
  }
}

}  // namespace bnn
