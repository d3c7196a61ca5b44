// Transposed convolution (deconvolution).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/conv_window.h"
#include "ops/op.h"

namespace bnn {

// Floats [N, H, W, C] or [N, D, H, W, C] to images of `outputs` channels. Input pixel i adds
// input[i] · weights[t] to the output pixels  i · stride − pad_begin + t · dilation  of an axis, of
// which there are  (extent − 1) · stride + dilation · (kernel − 1) + 1 + extra − pads.
struct ConvTransposeSpec {
  std::int64_t channels = 0;
  std::int64_t outputs = 0;
  std::int64_t groups = 1;
  int spatial_axes = 2;
  Window window;
  std::vector<std::int64_t> extra;  // output_padding, per spatial axis
  std::vector<float> weights;       // [groups][taps][channels / groups][outputs / groups]
  std::vector<float> bias;          // [outputs], or empty
};

std::unique_ptr<Op> make_conv_transpose(const std::string& name, ConvTransposeSpec spec);

}  // namespace bnn
