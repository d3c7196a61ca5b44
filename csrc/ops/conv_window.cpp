#include "ops/conv_window.h"

#include <algorithm>

namespace bnn {
namespace {

// Bounds that keep every product of window numbers and extents far from overflow.
constexpr std::int64_t kMaxWindowNumber = std::int64_t{1} << 20;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace

std::string WindowAxis::problem() const {
  const auto outside = [](std::int64_t value, std::int64_t low) {
    return value < low || value > kMaxWindowNumber;
  };
  if (outside(kernel, 1)) return "kernel extent " + std::to_string(kernel);
  if (outside(stride, 1)) return "stride " + std::to_string(stride);
  if (outside(dilation, 1)) return "dilation " + std::to_string(dilation);
  if (outside(pad_begin, 0) || outside(pad_end, 0)) {
    return "padding (" + std::to_string(pad_begin) + ", " + std::to_string(pad_end) + ")";
  }
  return {};
}

std::int64_t WindowAxis::output_extent(std::int64_t extent, bool ceil_mode) const {
  const std::int64_t span = extent + pad_begin + pad_end - (dilation * (kernel - 1) + 1);
  if (span < 0) return 0;
  if (!ceil_mode) return span / stride + 1;
  const std::int64_t rounded = ceil_div(span, stride) + 1;
  return (rounded - 1) * stride >= extent + pad_begin ? rounded - 1 : rounded;
}

WindowAxis::Taps WindowAxis::real_taps(std::int64_t o, std::int64_t extent) const {
  const std::int64_t origin = position(o, 0);
  // Nearly every window lies inside: two comparisons instead of two divisions.
  if (origin >= 0 && position(o, kernel - 1) < extent) return {0, kernel};
  const std::int64_t first = origin >= 0 ? 0 : std::min(kernel, ceil_div(-origin, dilation));
  const std::int64_t last =
      origin >= extent ? 0 : std::min(kernel, ceil_div(extent - origin, dilation));
  return first < last ? Taps{first, last} : Taps{0, 0};
}

std::string Window::problem() const {
  for (const WindowAxis* axis : {&d, &h, &w}) {
    const std::string found = axis->problem();
    if (!found.empty()) return found;
  }
  return {};
}

bool Window::pointwise() const {
  const auto single = [](const WindowAxis& axis) {
    return axis.kernel == 1 && axis.stride == 1 && axis.pad_begin == 0 && axis.pad_end == 0;
  };
  return single(d) && single(h) && single(w);
}

int pixel_runs(const WindowAxis& axis, std::int64_t input_extent, std::int64_t output_extent,
               PixelRun* runs) {
  int count = 0;
  for (std::int64_t o = 0; o < output_extent; ++o) {
    const WindowAxis::Taps taps = axis.real_taps(o, input_extent);
    if (count > 0 && runs[count - 1].taps == taps) {
      runs[count - 1].last = o + 1;
    } else {
      runs[count++] = {o, o + 1, taps};
    }
  }
  return count;
}

int window_segments(const Window& window, const WindowTaps& taps, std::int64_t unit,
                    std::int64_t slice, std::int64_t row_units, std::int64_t plane_units,
                    Segment* segments) {
  const bool adjacent = window.w.dilation == 1 && slice == unit;
  const std::int64_t columns = taps.w.last - taps.w.first;
  int count = 0;
  for (std::int64_t plane = taps.d.first; plane < taps.d.last; ++plane) {
    for (std::int64_t row = taps.h.first; row < taps.h.last; ++row) {
      const std::int64_t input = (plane - taps.d.first) * window.d.dilation * plane_units +
                                 (row - taps.h.first) * window.h.dilation * row_units;
      const std::int64_t weight =
          ((plane * window.h.kernel + row) * window.w.kernel + taps.w.first) * slice;
      if (adjacent) {
        if (columns > 0) segments[count++] = {input, weight, columns * slice};
        continue;
      }
      for (std::int64_t column = 0; column < columns; ++column) {
        segments[count++] = {input + column * window.w.dilation * unit, weight + column * slice,
                             slice};
      }
    }
  }
  return count;
}

}  // namespace bnn
