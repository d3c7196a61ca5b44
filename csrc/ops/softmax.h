// Softmax and LogSoftmax over the last axis.
#pragma once

#include <memory>
#include <string>

#include "ops/op.h"

namespace bnn {

// out = exp(x − m) / Σ exp(x − m), or its logarithm (x − m) − log Σ exp(x − m), with m = max x.
std::unique_ptr<Op> make_softmax(const std::string& name, bool logarithm);

}  // namespace bnn
