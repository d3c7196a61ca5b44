#include "kernels/exponential/exponential.h"
#include "kernels/exponential/vector_loop.h"
#include "kernels/vectors/f32_avx2.h"

namespace bnn {

void exp_f32_avx2(const float* x, std::ptrdiff_t count, float* out) {
  each_vector<F32, Exponential<F32>>(x, count, out);
}

void sigmoid_f32_avx2(const float* x, std::ptrdiff_t count, float* out) {
  each_vector<F32, Sigmoid<F32>>(x, count, out);
}

void tanh_f32_avx2(const float* x, std::ptrdiff_t count, float* out) {
  each_vector<F32, HyperbolicTangent<F32>>(x, count, out);
}

void erf_f32_avx2(const float* x, std::ptrdiff_t count, float* out) {
  each_vector<F32, ErrorFunction<F32>>(x, count, out);
}

void normal_f32_avx2(const float* x, std::ptrdiff_t count, float* out) {
  each_vector<F32, NormalDistribution<F32>>(x, count, out);
}

}  // namespace bnn
