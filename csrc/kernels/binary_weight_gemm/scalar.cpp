#include "kernels/binary_weight_gemm/binary_weight_gemm.h"

namespace bnn {
namespace {

constexpr int kLanes = 8;

// The vector type that GCC and Clang have on every machine: registers where there are any, else
// plain floats. Auto-vectorization leaves sums like these in memory.
using f32x4 [[gnu::vector_size(16)]] = float;

inline f32x4 load_f32x4(const float* p) { return f32x4{p[0], p[1], p[2], p[3]}; }

// Four lane bits as four factors: +1 where the bit is 0, −1 where it is 1.
struct PlusMinusOne {
  alignas(16) float factors[16][4];

  constexpr PlusMinusOne() : factors() {
    for (int bits = 0; bits < 16; ++bits) {
      for (int l = 0; l < 4; ++l) factors[bits][l] = ((bits >> l) & 1) != 0 ? -1.0f : 1.0f;
    }
  }
};
constexpr PlusMinusOne kPlusMinusOne;

struct Call {
  const float* input;
  std::ptrdiff_t row_stride;
  const Segment* segments;
  int segment_count;
  const std::uint16_t* weights;
  std::ptrdiff_t vector_stride;
  float* acc;
  std::ptrdiff_t acc_stride;
};

template <int kRows, int kVectors>
void tile(const Call& call, int first_row, int first_vector) {
  f32x4 sum_f32x4[kRows][kVectors][2] = {};
  const std::ptrdiff_t row_stride = call.row_stride;
  const std::ptrdiff_t vector_stride = call.vector_stride;
  const float* rows = call.input + first_row * row_stride;
  const std::uint16_t* weights = call.weights + first_vector * vector_stride;
  for (int s = 0; s < call.segment_count; ++s) {
    const float* x = rows + call.segments[s].input;
    const std::uint16_t* w = weights + call.segments[s].weight;
    for (std::ptrdiff_t k = call.segments[s].length; k > 0; --k, ++x, ++w) {
      f32x4 w_f32x4[kVectors][2];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const unsigned bits = w[v * vector_stride];
        w_f32x4[v][0] = load_f32x4(kPlusMinusOne.factors[bits & 15]);
        w_f32x4[v][1] = load_f32x4(kPlusMinusOne.factors[(bits >> 4) & 15]);
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const float value = x[r * row_stride];
        const f32x4 x_f32x4 = {value, value, value, value};
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          sum_f32x4[r][v][0] += x_f32x4 * w_f32x4[v][0];
          sum_f32x4[r][v][1] += x_f32x4 * w_f32x4[v][1];
        }
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    float* out = call.acc + (first_row + r) * call.acc_stride + first_vector * kLanes;
    for (int i = 0; i < kVectors * kLanes; ++i) {
      out[i] = sum_f32x4[r][i / kLanes][i % kLanes / 4][i % 4];
    }
  }
}

}  // namespace

void binary_weight_gemm_scalar(const float* input, std::ptrdiff_t row_stride, int rows,
                               const Segment* segments, int segment_count,
                               const std::uint16_t* weights, std::ptrdiff_t vector_stride,
                               int vectors, float* acc, std::ptrdiff_t acc_stride) {
  const Call call{input,   row_stride,    segments, segment_count,
                  weights, vector_stride, acc,      acc_stride};
  // Eight independent sums of four lanes hide the latency of an addition: from four rows, else from
  // four vectors.
  int row = 0;
  for (; row + 4 <= rows; row += 4) {
    for (int v = 0; v < vectors; ++v) tile<4, 1>(call, row, v);
  }
  for (; row < rows; ++row) {
    if (vectors == 4) {
      tile<1, 4>(call, row, 0);
    } else {
      for (int v = 0; v < vectors; ++v) tile<1, 1>(call, row, v);
    }
  }
}

}  // namespace bnn
