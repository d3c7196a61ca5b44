// Tensors joined along an axis.
#pragma once

#include <memory>
#include <string>

#include "ops/op.h"

namespace bnn {

// `count` tensors of one type and of one shape but for the extents of `axis`, one after the other
// along it. Packed bits may be joined along their channels where every part but the last fills its
// words.
std::unique_ptr<Op> make_concat(const std::string& name, int axis, std::size_t count,
                                TensorType type);

}  // namespace bnn
