// Family plane_sum: what is left of an integer dot product of low-bit numbers once their planes
// have been multiplied and summed (kernels/segment.h), in place on a tile of accumulators.
//
//   acc[r·acc_stride + c] = (offset[c] + row[r] + sign · acc[r·acc_stride + c]) >> shift
//
//   0 ≤ r < rows      0 ≤ c < channels      sign = 1 or −1      0 ≤ shift < 32
//
// The constants of the value sets (base/bits.h) leave a sum as terms of the channel (offset: its
// weights are known at load time) and of the row (row: the sum of its input); their fractions are
// the shift. The shift is arithmetic; callers see to it that it divides exactly and that the sum
// fits in 32 bits.
//
// offset: 64-byte aligned, readable up to round_up(channels, 16) elements, or null for 0.
// row: `rows` elements, or null for 0. acc: 4-byte aligned; only `channels` elements of each row
// are read and written.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

using PlaneSumFn = void (*)(std::int32_t* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                            std::ptrdiff_t channels, const std::int32_t* offset,
                            const std::int32_t* row, int sign, int shift);

}  // namespace bnn
