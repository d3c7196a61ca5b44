// Thresholds as the binarize kernels read them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "base/aligned.h"
#include "ops/dot_layer.h"
#include "ops/epilogue_operands.h"

namespace bnn {

// Channels whose bounds are expanded at once when one interval serves all of them.
inline constexpr std::int64_t kSharedBlock = 1024;

// Bounds of a Binarize of elements T: `shared` when one interval serves all channels.
template <class T>
class Bounds {
 public:
  // Throws ModelFormatError, in the name of `node`, unless they make intervals. A shared interval
  // is stored `shared_copies` times.
  Bounds(const std::string& node, const Thresholds& thresholds, std::size_t shared_copies)
      : channels_(static_cast<std::int64_t>(thresholds.lower.size())) {
    const auto bad_model = [&node](const std::string& what) {
      throw ModelFormatError("node '" + node + "': " + what);
    };
    const std::size_t count = thresholds.lower.size();
    const std::string problem = threshold_problem(thresholds, count);
    if (count == 0 || !problem.empty()) bad_model(count == 0 ? "no thresholds" : problem);
    const std::size_t stored = shared() ? shared_copies : count;
    lower_ = AlignedArray<T>(stored);
    upper_ = AlignedArray<T>(stored);
    for (std::size_t c = 0; c < stored; ++c) {
      const std::size_t bound = shared() ? 0 : c;
      const auto interval = interval_of<T>(thresholds.lower[bound], thresholds.upper[bound]);
      lower_[c] = interval.lower;
      upper_[c] = interval.upper;
    }
  }

  bool shared() const { return channels_ == 1; }
  bool fit(std::int64_t channels) const { return shared() || channels == channels_; }
  std::int64_t channels() const { return channels_; }
  const T* lower() const { return lower_.data(); }
  const T* upper() const { return upper_.data(); }
  std::size_t bytes() const { return lower_.bytes() + upper_.bytes(); }

 private:
  std::int64_t channels_;
  AlignedArray<T> lower_;
  AlignedArray<T> upper_;
};

}  // namespace bnn
