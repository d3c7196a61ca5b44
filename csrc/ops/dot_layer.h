// Dense and convolution layers over the dot-product families, with their epilogue on the
// tile:
//
//     accumulators = input · weights  →  interval thresholds per channel → packed bits, or planes
//                                     →  float steps → f32 tensor, and/or thresholds → packed bits
//
// One loop serves all of them: output channels in blocks of lane vectors (outermost, so that a
// block's weights stay in L1 while the pixels stream past), then runs of output pixels whose
// windows are clipped alike, at most kMaxRows at a time. Binary layers have a second one,
// ops/xnor_chain_layer.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "kernels/kernel_set.h"
#include "ops/conv_window.h"
#include "ops/low_bit.h"
#include "ops/op.h"

namespace bnn {

// Bit output: value = +1 where lower[c] ≤ accumulator ≤ upper[c], else −1; swapped when inverted.
struct Thresholds {
  std::vector<float> lower;  // [channels]
  std::vector<float> upper;  // [channels]
  bool inverted = false;
};

// Output of several planes of bits: plane p is the exclusive or of the tests that name it. A test's
// bit is 1 where the accumulator lies inside its interval, or outside when not inverted.
struct BitPlanes {
  struct Test {
    Thresholds interval;
    unsigned planes;  // bit p: it belongs to plane p
  };
  std::vector<Test> tests;
  int planes = 0;
};

// A layer takes that many steps; longer chains need another op.
inline constexpr std::size_t kMaxEpilogueSteps = 32;

// Steps applied in order, each with one operand per output channel, or with a whole tensor of the
// output's shape: every add_rows step is one more input of the op. `thresholds` act on the result.
struct FloatEpilogue {
  struct Step {
    EpilogueKind kind;
    std::vector<float> operand;  // [channels]; empty for add_rows
  };
  std::vector<Step> steps;
  std::optional<Thresholds> thresholds = std::nullopt;
  bool keep_floats = true;  // the floats are an output, too
};

using Epilogue = std::variant<FloatEpilogue, Thresholds, BitPlanes>;

// Elements along K of a planar input that are summed before they are added to earlier sums.
inline constexpr std::int64_t kSumBlock = 128;

// What all kinds of layers share. A dense layer has no window.
struct DotLayerSpec {
  std::string name;
  std::int64_t outputs = 0;   // output channels
  std::int64_t features = 0;  // dense: K; convolution: input channels
  std::int64_t pixels = 1;    // dense on bits: of the flattened image that a row is
  std::int64_t groups = 1;    // convolution only, not with 1-bit weights on floats or bytes
  bool dense = true;
  int spatial_axes = 2;  // of the images: height and width, or 3 with a depth in front
  Window window;
  // What the bits of a binary layer stand for.
  InputCode input_code;
  WeightCode weight_code;
  bool channels_first = false;  // wanted of a binary convolution to floats: see xnor_chain_layer.h
  // Of a convolution of floats without groups: the input is [N, C, ...], and K, which runs over
  // [C][taps], is summed in blocks of kSumBlock. ONNX Runtime's order on x86: where signs are taken
  // of a first layer's sums, those near 0 are the same only if all are rounded alike.
  bool planar_input = false;
};

// Bits × bits. `weights`: [planes][outputs][taps][words] 64-bit words, taps = kernel_d · kernel_h ·
// kernel_w and words those of a group's channels for a convolution; for a dense layer
// [planes][outputs][row words], where a row is everything behind axis 0 of the input as it lies in
// memory (so a flattened image keeps its pixels' tail bits) and `features` counts the real
// elements.
std::unique_ptr<Op> make_xnor_layer(const DotLayerSpec& spec,
                                    std::span<const std::uint64_t> weights,
                                    const Epilogue& epilogue, const KernelSet& kernels);

// Floats × bits. `weights`: [outputs][ceil(K / 8)] bytes, bit k of a row at byte k / 8, bit k % 8;
// K = features for a dense layer, kernel_h · kernel_w · features ([taps][channels],
// [channels][taps] of a planar input) for a convolution.
std::unique_ptr<Op> make_binary_weight_layer(const DotLayerSpec& spec,
                                             std::span<const std::uint8_t> weights,
                                             const Epilogue& epilogue, const KernelSet& kernels);

// 8-bit integers × bits, `input` u8 or i8; weights as above.
std::unique_ptr<Op> make_byte_layer(const DotLayerSpec& spec, ElementType input,
                                    std::span<const std::uint8_t> weights, const Epilogue& epilogue,
                                    const KernelSet& kernels);

// Floats × floats. `weights`: [outputs][K], K as above but with features / groups channels.
std::unique_ptr<Op> make_f32_layer(const DotLayerSpec& spec, std::span<const float> weights,
                                   const Epilogue& epilogue, const KernelSet& kernels);

}  // namespace bnn
