// Normalization by statistics of the input itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/op.h"

namespace bnn {

// The input is seen as [rows, groups, channels, inner]: `channel_axis` is the first of the axes
// that groups and channels make up together, `inner_axis` the first one behind them (the rank or
// more where there is none). Mean and variance are those of the channels × inner elements of a
// group in a row:
//
//     y = (x − mean) / sqrt(variance + epsilon) · scale[channel] + bias[channel]
//
// over all groups · channels. Not centered, the mean is 0 (root mean square).
//
//     InstanceNormalization   channel_axis 1, inner_axis 2, groups = C, channels = 1
//     GroupNormalization      channel_axis 1, inner_axis 2, groups = G, channels = C / G
//     LayerNormalization      channel_axis = axis, no inner axis, groups = 1
struct NormalizationSpec {
  int channel_axis = 1;
  int inner_axis = 2;
  std::int64_t groups = 1;
  float epsilon = 1e-5f;
  bool centered = true;
  std::vector<float> scale;  // [groups · channels]
  std::vector<float> bias;   // likewise, or empty
};

std::unique_ptr<Op> make_normalize(const std::string& name, NormalizationSpec spec);

}  // namespace bnn
