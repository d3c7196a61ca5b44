// Elements picked by a tensor of indices.
#pragma once

#include <memory>
#include <string>

#include "ops/op.h"

namespace bnn {

// Inputs: data, indices (i32 or i64, negative ones count from the back). An index outside its axis
// ends the run with an Error.

// Slices of data along `axis`: out[.., i.., ..] = data[.., indices[i..], ..].
std::unique_ptr<Op> make_gather(const std::string& name, int axis, ElementType data,
                                ElementType indices);

// out has the shape of indices; each of them replaces the position along `axis`.
std::unique_ptr<Op> make_gather_elements(const std::string& name, int axis, ElementType data,
                                         ElementType indices);

// The last axis of indices lists positions along the axes of data behind the first `batch_axes`,
// which both have in common: out[b.., i.., ..] = data[b.., indices[b.., i.., :].., ..].
std::unique_ptr<Op> make_gather_nd(const std::string& name, int batch_axes, ElementType data,
                                   ElementType indices);

}  // namespace bnn
