// Output shape of the layers of ops/dot_layer.h.
#pragma once

#include <cstdint>

#include "ops/dot_layer.h"

namespace bnn {

// `length`: K in elements of the input type (floats, or words of packed rows). Throws ShapeError
// where the input does not fit.
Shape dot_layer_shape(const DotLayerSpec& spec, ElementType input, std::int64_t length,
                      const Shape& in);

}  // namespace bnn
