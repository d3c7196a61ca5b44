// Ops that move or rename elements without computing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/kernel_set.h"
#include "ops/op.h"

namespace bnn {

// Axis 1 moved to the end.
Shape channels_last(const Shape& shape);

// Numbers under another shape, no copy. In `target`, 0 copies the input's extent of that axis and
// one −1 takes what is left.
std::unique_ptr<Op> make_reshape(const std::string& name, std::vector<std::int64_t> target,
                                 ElementType type = ElementType::f32);

// Floats copied to memory of their own (for outputs that would otherwise share an input's memory).
std::unique_ptr<Op> make_copy(const std::string& name, ElementType type);

// Numbers in another order of axes: out.shape[i] = in.shape[order[i]].
std::unique_ptr<Op> make_permute(const std::string& name, std::vector<int> order,
                                 const KernelSet& kernels, ElementType type = ElementType::f32);

}  // namespace bnn
