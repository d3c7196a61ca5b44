// Where the largest or smallest element along an axis lies: ONNX's ArgMax and ArgMin.
#pragma once

#include <memory>
#include <string>

#include "ops/op.h"

namespace bnn {

struct ArgExtreme {
  bool largest;  // the smallest otherwise
  bool last;     // among equal elements the last one, the first otherwise
  int axis;
  bool keep_axis;  // as an axis of extent 1
};

// Positions as i64. An element takes the place of the one found so far where it compares as larger
// (smaller); so NaN is found in front only, as in ONNX Runtime. The axis may not be empty.
std::unique_ptr<Op> make_arg_extreme(const std::string& name, const ArgExtreme& what,
                                     ElementType type);

}  // namespace bnn
