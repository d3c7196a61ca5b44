#include "kernels/xnor_gemm/lookup.h"
#include "kernels/xnor_gemm/xnor_gemm.h"

namespace bnn {

// 32 registers hold the 16 sums of four pairs of rows.
void xnor_gemm_avx512bw(const std::uint64_t* input, std::ptrdiff_t row_stride, int rows,
                        const Segment* segments, int segment_count, const std::uint64_t* weights,
                        std::ptrdiff_t vector_stride, int vectors, std::int32_t valid,
                        std::int32_t* acc, std::ptrdiff_t acc_stride) {
  xnor_gemm<4>(
      {input, row_stride, segments, segment_count, weights, vector_stride, valid, acc, acc_stride},
      rows, vectors);
}

}  // namespace bnn
