// Weighted sums along one axis: linear and cubic resizing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/op.h"

namespace bnn {

//     out[.., i, ..] = Σ_t weights[i · taps + t] · in[.., positions[i · taps + t], ..]
//
// along `axis`, whose extent is `extent`, in the order of t. `taps` numbers for each output.
std::unique_ptr<Op> make_resample(const std::string& name, int axis, std::int64_t extent,
                                  std::int64_t taps, std::vector<std::int64_t> positions,
                                  std::vector<float> weights);

}  // namespace bnn
