// A binary layer over an input of {−1, 0, +1} that rarely is 0, as ONNX Sign gives it.
//
// While the input holds no 0, its plane of signs is all there is, and the layer for ±1 runs. Output
// pixels whose windows hold a 0 are computed again under masks; where these are many, all are
// computed under masks at once.
#pragma once

#include <memory>

#include "ops/dot_layer.h"
#include "ops/masked_layer.h"

namespace bnn {

// `signs` and `masked`: the same layer for one plane of ±1 and for ternary input.
std::unique_ptr<Op> make_ternary_layer(std::unique_ptr<Op> signs,
                                       std::unique_ptr<MaskedLayer> masked,
                                       const DotLayerSpec& spec);

}  // namespace bnn
