#include "kernels/plane_sum/plane_sum.h"
#include "kernels/plane_sum/vector_loop.h"
#include "kernels/vectors/i32_scalar.h"

namespace bnn {

void plane_sum_scalar(std::int32_t* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                      std::ptrdiff_t channels, const std::int32_t* offset, const std::int32_t* row,
                      int sign, int shift) {
  plane_sum<I32>(acc, acc_stride, rows, channels, offset, row, sign, shift);
}

}  // namespace bnn
