#include <arm_neon.h>

#include "kernels/transpose/blocks.h"
#include "kernels/vectors/f32_neon.h"

namespace bnn {
namespace {

struct Block {
  static void transpose(const float* in, std::ptrdiff_t in_stride, float* out,
                        std::ptrdiff_t out_stride) {
    for (std::ptrdiff_t r = 0; r < 8; r += 4) {
      for (std::ptrdiff_t c = 0; c < 8; c += 4) {
        quarter(in + r * in_stride + c, in_stride, out + c * out_stride + r, out_stride);
      }
    }
  }

 private:
  static void quarter(const float* in, std::ptrdiff_t in_stride, float* out,
                      std::ptrdiff_t out_stride) {
    const float32x4x2_t ab = vtrnq_f32(vld1q_f32(in), vld1q_f32(in + in_stride));
    const float32x4x2_t cd =
        vtrnq_f32(vld1q_f32(in + 2 * in_stride), vld1q_f32(in + 3 * in_stride));
    for (int odd = 0; odd < 2; ++odd) {
      float* row = out + odd * out_stride;
      const float32x4_t low = vcombine_f32(vget_low_f32(ab.val[odd]), vget_low_f32(cd.val[odd]));
      const float32x4_t high = vcombine_f32(vget_high_f32(ab.val[odd]), vget_high_f32(cd.val[odd]));
      vst1q_f32(row, low);
      vst1q_f32(row + 2 * out_stride, high);
    }
  }
};

}  // namespace

void transpose_f32_neon(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t rows,
                        std::ptrdiff_t columns, float* out, std::ptrdiff_t out_stride) {
  transpose<F32, Block>(in, in_stride, rows, columns, out, out_stride);
}

}  // namespace bnn
