// Family exponential: e^x and the functions that are made of it.
//
//   exp_f32      out[i] = e^x[i]
//   sigmoid_f32  out[i] = 1 / (1 + e^−x[i])
//   tanh_f32     out[i] = (e^x[i] − e^−x[i]) / (e^x[i] + e^−x[i])
//   erf_f32      out[i] = 2/√π · ∫ e^−t² dt from 0 to x[i]
//   normal_f32   out[i] = (1 + erf(x[i] / √2)) / 2, the normal distribution's function
//
//   0 ≤ i < count
//
// Within 2 (exp), 8 + 2x² (normal) and 4 units in the last place, subnormal results included; NaN
// gives NaN. Every instruction set gives the same bits, wherever an element stands.
//
// x, out: 4-byte aligned, only `count` elements are read and written; out may be x.
#pragma once

#include <cstddef>

namespace bnn {

using ExponentialF32Fn = void (*)(const float* x, std::ptrdiff_t count, float* out);

}  // namespace bnn
