// Family transpose: a matrix of floats with rows and columns swapped.
//
//   out[c·out_stride + r] = in[r·in_stride + c]      0 ≤ r < rows      0 ≤ c < columns
//
// in, out: 4-byte aligned, only these elements are read and written; out does not alias in.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

using TransposeF32Fn = void (*)(const float* in, std::ptrdiff_t in_stride, std::ptrdiff_t rows,
                                std::ptrdiff_t columns, float* out, std::ptrdiff_t out_stride);

}  // namespace bnn
