// Ops that compare the elements of lines along an axis: extreme positions, and the k largest.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ops/op.h"

namespace bnn {

// The position (i64) of the maximum or minimum of each line: the first such element, or the last.
// The axis keeps the extent 1 or goes away. NaN counts as the extreme.
struct ExtremeSpec {
  int axis = 0;
  bool largest = true;
  bool keep_axis = true;
  bool last = false;
};
std::unique_ptr<Op> make_extreme(const std::string& name, const ExtremeSpec& spec,
                                 ElementType type);

// The `count` largest or smallest elements of each line in order, and (second output) their
// positions (i64). Of equal elements the first comes first.
std::unique_ptr<Op> make_top_k(const std::string& name, int axis, std::int64_t count, bool largest,
                               ElementType type);

}  // namespace bnn
