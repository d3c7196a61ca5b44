#include <arm_neon.h>

#include "kernels/transpose/strips.h"
#include "kernels/vectors/f32_neon.h"

namespace bnn {
namespace {

struct Turn {
  static void columns(const float* in, std::ptrdiff_t stride, std::ptrdiff_t last,
                      F32::Vector (&out)[4]) {
    float32x4_t low[4];
    float32x4_t high[4];
    four_rows(in, stride, 0, last, low);
    four_rows(in, stride, 4, last, high);
    for (int c = 0; c < 4; ++c) out[c] = {low[c], high[c]};
  }

 private:
  // Rows from r on.
  static void four_rows(const float* in, std::ptrdiff_t stride, std::ptrdiff_t r,
                        std::ptrdiff_t last, float32x4_t (&out)[4]) {
    const auto row = [=](std::ptrdiff_t i) {
      return vld1q_f32(in + (r + i < last ? r + i : last) * stride);
    };
    const float32x4x2_t first = vtrnq_f32(row(0), row(1));
    const float32x4x2_t second = vtrnq_f32(row(2), row(3));
    for (int odd = 0; odd < 2; ++odd) {
      out[odd] = vcombine_f32(vget_low_f32(first.val[odd]), vget_low_f32(second.val[odd]));
      out[odd + 2] = vcombine_f32(vget_high_f32(first.val[odd]), vget_high_f32(second.val[odd]));
    }
  }
};

}  // namespace

void transpose_f32_neon(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t rows,
                        std::ptrdiff_t columns, float* out, std::ptrdiff_t out_stride) {
  transpose<F32, Turn>(in, in_stride, rows, columns, out, out_stride);
}

}  // namespace bnn
