#include "kernels/xnor_gemm/lookup.h"
#include "kernels/xnor_gemm/xnor_gemm.h"

namespace bnn {

// 16 registers hold the 8 sums of two pairs of rows.
void xnor_gemm_avx2(const std::uint64_t* input, std::ptrdiff_t row_stride, int rows,
                    const Segment* segments, int segment_count, const std::uint64_t* weights,
                    std::ptrdiff_t vector_stride, int vectors, std::int32_t valid,
                    std::int32_t* acc, std::ptrdiff_t acc_stride) {
  xnor_gemm<2>(
      {input, row_stride, segments, segment_count, weights, vector_stride, valid, acc, acc_stride},
      rows, vectors);
}

}  // namespace bnn
