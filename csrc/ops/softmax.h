// Softmax, its logarithm, and the one-hot maximum, over one axis.
#pragma once

#include <memory>
#include <string>

#include "ops/op.h"

namespace bnn {

// exp(x − max) / Σ exp(x − max), or x − max − log Σ exp(x − max). A negative `axis` counts from the
// back.
std::unique_ptr<Op> make_softmax(const std::string& name, bool logarithm, int axis = -1);

// 1 at the first maximum along the axis, 0 elsewhere.
std::unique_ptr<Op> make_hardmax(const std::string& name, int axis);

}  // namespace bnn
