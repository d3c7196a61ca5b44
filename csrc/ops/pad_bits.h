// Constant padding of packed images.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/low_bit.h"
#include "ops/op.h"

namespace bnn {

// Bits [N, H, W, C] or [N, D, H, W, C] with `before` and `after` pixels of `value` around every
// image, one number per spatial axis. `value` must be one that the code of the bits can hold: a
// convolution that pads by ±1 is one of the padded image without padding.
std::unique_ptr<Op> make_pad_bits(const std::string& name, const InputCode& code, int value,
                                  const std::vector<std::int64_t>& before,
                                  const std::vector<std::int64_t>& after);

}  // namespace bnn
