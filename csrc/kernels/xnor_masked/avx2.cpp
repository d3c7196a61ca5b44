#include "kernels/xnor_masked/byte_counts.h"
#include "kernels/xnor_masked/nibble_table.h"
#include "kernels/xnor_masked/xnor_masked.h"

namespace bnn {

void xnor_masked_avx2(const std::uint64_t* input, const std::ptrdiff_t* inputs, std::ptrdiff_t rows,
                      std::ptrdiff_t input_mask, const Segment* segments, int segment_count,
                      const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                      std::ptrdiff_t vectors, std::ptrdiff_t weight_mask, std::int32_t* acc,
                      std::ptrdiff_t acc_stride) {
  xnor_masked<U64x4>({input, inputs, input_mask, segments, segment_count, weights, vector_stride,
                      weight_mask, acc, acc_stride},
                     rows, vectors);
}

}  // namespace bnn
