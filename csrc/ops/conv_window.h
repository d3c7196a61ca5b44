// Geometry of a sliding window over channels-last images: which taps of which output pixels are
// real.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/segment.h"

namespace bnn {

// One spatial axis. Output pixel o covers input positions  o·stride − pad_begin + t·dilation,
// 0 ≤ t < kernel; positions outside [0, extent) are padding.
struct WindowAxis {
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t pad_begin = 0;
  std::int64_t pad_end = 0;
  std::int64_t dilation = 1;

  // Empty when the numbers make a window, else what is wrong with them.
  std::string problem() const;

  // Output extent for an input extent; ≤ 0 when the window does not fit. `ceil_mode` rounds up, but
  // a last window must start inside the input or its leading padding (ONNX pooling).
  std::int64_t output_extent(std::int64_t extent, bool ceil_mode = false) const;

  // Taps [first, last) of output pixel `o` that are real; first == last when none is.
  struct Taps {
    std::int64_t first;
    std::int64_t last;
    friend bool operator==(const Taps&, const Taps&) = default;
  };
  Taps real_taps(std::int64_t o, std::int64_t extent) const;

  std::int64_t position(std::int64_t o, std::int64_t tap) const {
    return o * stride - pad_begin + tap * dilation;
  }
};

struct Window {
  WindowAxis h;
  WindowAxis w;

  std::string problem() const;
  // One tap, unit stride, no padding: every output pixel is exactly its input pixel.
  bool pointwise() const;
};

// Neighbouring output pixels of one row whose windows are clipped alike.
struct PixelRun {
  std::int64_t first;
  std::int64_t last;
  WindowAxis::Taps taps;
};

// Splits output pixels [0, output_extent) of one axis into runs, written to `runs`, which has room
// for output_extent of them. Returns how many there are.
int pixel_runs(const WindowAxis& axis, std::int64_t input_extent, std::int64_t output_extent,
               PixelRun* runs);

// The segments of a window clipped to (vertical, horizontal) taps, relative to its first real tap.
//   unit        elements (words) per pixel
//   slice       elements used of each pixel (= unit except for a group of channels)
//   row_units   elements per input row
// Weights lie along K as [tap row][tap column][slice]. Returns the number of segments written:
// one per tap row where whole pixels of the row are adjacent, else one per tap.
int window_segments(const Window& window, WindowAxis::Taps vertical, WindowAxis::Taps horizontal,
                    std::int64_t unit, std::int64_t slice, std::int64_t row_units,
                    Segment* segments);
std::int64_t max_window_segments(const Window& window);

}  // namespace bnn
