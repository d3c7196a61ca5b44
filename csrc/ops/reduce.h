// Reductions over axes: ONNX's Reduce ops.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ops/op.h"

namespace bnn {

enum class Reduction : std::uint8_t {
  sum,
  mean,
  max,
  min,
  prod,
  l1,
  l2,
  log_sum,
  log_sum_exp,
  sum_square
};

// Of an ONNX op type ("ReduceMean"); throws ModelFormatError for another.
Reduction reduction_of(std::string_view op_type);

// Numbers reduced over `axes`, which stay as axes of extent 1 or go away. Sums are taken in
// float64, or in 64-bit integers that wrap around; means of integers are cut. A maximum or minimum
// is NaN where an element is. Over no elements: the neutral element.
std::unique_ptr<Op> make_reduce(const std::string& name, Reduction reduction, std::vector<int> axes,
                                bool keep_axes, ElementType type = ElementType::f32);

}  // namespace bnn
