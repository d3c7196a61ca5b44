#include "kernels/epilogue/epilogue.h"
#include "kernels/epilogue/vector_loop.h"
#include "kernels/vectors/f32_neon.h"

namespace bnn {

void epilogue_f32_neon(const float* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                       std::ptrdiff_t channels, const EpilogueStep* steps, int step_count,
                       float* out, std::ptrdiff_t out_stride) {
  epilogue<F32>(acc, acc_stride, rows, channels, steps, step_count, out, out_stride);
}

void epilogue_i32_neon(const std::int32_t* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                       std::ptrdiff_t channels, const EpilogueStep* steps, int step_count,
                       float* out, std::ptrdiff_t out_stride) {
  epilogue<F32>(acc, acc_stride, rows, channels, steps, step_count, out, out_stride);
}

}  // namespace bnn
