// Geometry of a sliding window over channels-last images: which taps of which output pixels are
// real.
#pragma once

#include <cstdint>
#include <string>

#include "base/shape.h"
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

  friend bool operator==(const WindowAxis&, const WindowAxis&) = default;
};

// Two axes, or three with a depth.
struct Window {
  WindowAxis h;
  WindowAxis w;
  WindowAxis d{};

  std::int64_t taps() const { return d.kernel * h.kernel * w.kernel; }
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

// The real taps of a window; of a dense layer, its one tap.
struct WindowTaps {
  WindowAxis::Taps d{0, 1};
  WindowAxis::Taps h{0, 1};
  WindowAxis::Taps w{0, 1};

  std::int64_t count() const {
    return (d.last - d.first) * (h.last - h.first) * (w.last - w.first);
  }
};

// Extents of images [N, H, W, C] or [N, D, H, W, C].
struct ImageExtents {
  explicit ImageExtents(const Shape& shape)
      : images(shape[0]),
        depth(shape.rank() == 5 ? shape[1] : 1),
        height(shape[shape.rank() - 3]),
        width(shape[shape.rank() - 2]) {}

  std::int64_t images;
  std::int64_t planes = 1;  // of one channel each, stored one after the other
  std::int64_t depth;
  std::int64_t height;
  std::int64_t width;
};

// Walks the output pixels of images in runs of one row whose windows are clipped alike:
//
//   visit(taps, origin, count, pixel)   `count` pixels from `pixel` on (of all images, in order);
//                                       the first real tap of the first one's window lies `origin`
//                                       elements into the input. Any address does where there is no
//                                       real tap.
//
// unit: elements per input pixel. runs: room for to.width of them.
template <class Visit>
void for_pixel_runs(const Window& window, const ImageExtents& from, const ImageExtents& to,
                    std::int64_t unit, PixelRun* runs, Visit&& visit) {
  const std::int64_t row_units = from.width * unit;
  const std::int64_t plane_units = from.height * row_units;
  const int run_count = pixel_runs(window.w, from.width, to.width, runs);
  std::int64_t pixel = 0;
  for (std::int64_t n = 0; n < to.images; ++n) {
    const std::int64_t image = n * from.planes * from.depth * plane_units;
    for (std::int64_t z = 0; z < to.depth; ++z) {
      const WindowAxis::Taps depth = window.d.real_taps(z, from.depth);
      for (std::int64_t y = 0; y < to.height; ++y, pixel += to.width) {
        const WindowAxis::Taps height = window.h.real_taps(y, from.height);
        for (int r = 0; r < run_count; ++r) {
          const WindowTaps taps{depth, height, runs[r].taps};
          std::int64_t origin = image;
          if (taps.count() != 0) {
            origin += window.d.position(z, depth.first) * plane_units +
                      window.h.position(y, height.first) * row_units +
                      window.w.position(runs[r].first, taps.w.first) * unit;
          }
          visit(taps, origin, runs[r].last - runs[r].first, pixel + runs[r].first);
        }
      }
    }
  }
}

// The segments of a window clipped to its real taps, relative to the first of them.
//   unit         elements (words) per pixel
//   slice        elements used of each pixel (= unit except for a group of channels)
//   row_units    elements per input row
//   plane_units  elements per input plane of a volume
// Weights lie along K as [tap plane][tap row][tap column][slice]. Returns the number of segments
// written: one per tap row where whole pixels of the row are adjacent, else one per tap.
int window_segments(const Window& window, const WindowTaps& taps, std::int64_t unit,
                    std::int64_t slice, std::int64_t row_units, std::int64_t plane_units,
                    Segment* segments);

}  // namespace bnn
