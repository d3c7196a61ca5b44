// Running sums along an axis.
#pragma once

#include <memory>
#include <string>

#include "ops/op.h"

namespace bnn {

// Each element becomes the sum of the line up to it, itself included unless `exclusive`; of what
// follows it where `reverse`. Sums are taken in the element's own arithmetic, one after the other.
std::unique_ptr<Op> make_cumulative_sum(const std::string& name, int axis, bool exclusive,
                                        bool reverse, ElementType type);

}  // namespace bnn
