// Triangles of matrices.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ops/op.h"

namespace bnn {

// Of the matrices of the last two axes, what lies on the `diagonal` (0: the main one, positive ones
// lie to its right) or on the kept side of it, above or below; zeros elsewhere.
std::unique_ptr<Op> make_trilu(const std::string& name, bool upper, std::int64_t diagonal,
                               ElementType type);

}  // namespace bnn
