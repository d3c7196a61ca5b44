#include "kernels/transpose/transpose.h"

namespace bnn {

// Blocks, for either matrix is walked across its rows: a line of cache is used up while it is in
// L1.
void transpose_f32_scalar(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t rows,
                          std::ptrdiff_t columns, float* out, std::ptrdiff_t out_stride) {
  constexpr std::ptrdiff_t kSide = 16;
  for (std::ptrdiff_t r = 0; r < rows; r += kSide) {
    const std::ptrdiff_t height = rows - r < kSide ? rows - r : kSide;
    for (std::ptrdiff_t c = 0; c < columns; ++c) {
      const float* source = in + r * in_stride + c;
      float* target = out + c * out_stride + r;
      for (std::ptrdiff_t i = 0; i < height; ++i) target[i] = source[i * in_stride];
    }
  }
}

}  // namespace bnn
