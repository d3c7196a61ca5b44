// The loop of family plane_sum over the vectors of an instruction set (vectors/i32_<isa>.h).
// Internal linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include "kernels/plane_sum/plane_sum.h"

namespace bnn {
namespace {

// One vector of channels.
template <class V, bool kNegative, class... Tail>
inline void sum_planes(std::int32_t* acc, const std::int32_t* offset, typename V::Vector row,
                       int shift, Tail... lanes) {
  if (offset != nullptr) row = V::add(row, V::load(offset));
  const typename V::Vector y = V::load(acc, lanes...);
  const typename V::Vector sum = kNegative ? V::subtract(row, y) : V::add(row, y);
  V::store(acc, V::shift_right(sum, shift), lanes...);
}

template <class V, bool kNegative>
void plane_sum(std::int32_t* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
               std::ptrdiff_t channels, const std::int32_t* offset, const std::int32_t* row,
               int shift) {
  const auto offset_of = [offset](std::ptrdiff_t c) {
    return offset == nullptr ? nullptr : offset + c;
  };
  for (std::ptrdiff_t r = 0; r < rows; ++r, acc += acc_stride) {
    const typename V::Vector term = V::broadcast(row == nullptr ? 0 : row[r]);
    std::ptrdiff_t c = 0;
    for (; c + V::kLanes <= channels; c += V::kLanes) {
      sum_planes<V, kNegative>(acc + c, offset_of(c), term, shift);
    }
    if (c < channels) {
      sum_planes<V, kNegative>(acc + c, offset_of(c), term, shift, V::tail(channels - c));
    }
  }
}

template <class V>
void plane_sum(std::int32_t* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
               std::ptrdiff_t channels, const std::int32_t* offset, const std::int32_t* row,
               int sign, int shift) {
  if (sign < 0) {
    plane_sum<V, true>(acc, acc_stride, rows, channels, offset, row, shift);
  } else {
    plane_sum<V, false>(acc, acc_stride, rows, channels, offset, row, shift);
  }
}

}  // namespace
}  // namespace bnn
