// Local response normalization (LRN).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ops/op.h"

namespace bnn {

//     y[c] = x[c] / (bias + alpha / size · Σ x[i]²)^beta
//
// over the `size` channels i around c, c − floor((size − 1) / 2) to c + ceil((size − 1) / 2), as
// far as they exist. Channels lie along `axis`.
std::unique_ptr<Op> make_local_response(const std::string& name, int axis, std::int64_t size,
                                        float alpha, float beta, float bias);

}  // namespace bnn
