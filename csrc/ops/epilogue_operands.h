// Per-channel operands of an epilogue in the blocked, padded layout that the tile kernels read.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/aligned.h"
#include "base/bits.h"
#include "ops/dot_layer.h"

namespace bnn {

// Kernels read operands a vector of 16 at a time.
inline constexpr std::int64_t kOperandBlock = 16;

// Copies [groups · channels_per_group] into [groups][channels_per_group rounded up to 16].
template <class T>
AlignedArray<T> blocked_operand(const std::vector<T>& values, std::int64_t groups) {
  const std::int64_t channels = static_cast<std::int64_t>(values.size()) / groups;
  const std::int64_t padded = round_up(channels, kOperandBlock);
  AlignedArray<T> out(static_cast<std::size_t>(groups * padded));
  for (std::int64_t g = 0; g < groups; ++g) {
    for (std::int64_t c = 0; c < channels; ++c) {
      out[static_cast<std::size_t>(g * padded + c)] =
          values[static_cast<std::size_t>(g * channels + c)];
    }
  }
  return out;
}

// The integers inside a float interval: [ceil(lower), floor(upper)], empty as (max, min).
inline std::pair<std::int32_t, std::int32_t> integer_interval(float lower, float upper) {
  constexpr double kLow = std::numeric_limits<std::int32_t>::min();
  constexpr double kHigh = std::numeric_limits<std::int32_t>::max();
  const double low = std::ceil(static_cast<double>(lower));
  const double high = std::floor(static_cast<double>(upper));
  if (!(low <= high) || low > kHigh || high < kLow) {
    return {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min()};
  }
  return {static_cast<std::int32_t>(std::max(low, kLow)),
          static_cast<std::int32_t>(std::min(high, kHigh))};
}

template <class T>
struct Interval {
  T lower;
  T upper;
};

// The elements of type T inside a float interval; none as (largest, smallest).
template <class T>
Interval<T> interval_of(float lower, float upper) {
  if constexpr (std::is_same_v<T, float>) {
    return {lower, upper};
  } else {
    constexpr std::int32_t kLow = std::numeric_limits<T>::min();
    constexpr std::int32_t kHigh = std::numeric_limits<T>::max();
    const auto [low, high] = integer_interval(lower, upper);
    if (low > kHigh || high < kLow) return {T{kHigh}, T{kLow}};
    return {static_cast<T>(std::max(low, kLow)), static_cast<T>(std::min(high, kHigh))};
  }
}

// Empty when the bounds are numbers, one lower and one upper for each of `channels`; else what is
// wrong.
inline std::string threshold_problem(const Thresholds& thresholds, std::size_t channels) {
  if (thresholds.lower.size() != channels || thresholds.upper.size() != channels) {
    return "thresholds must have one lower and one upper bound per channel, " +
           std::to_string(channels) + " in all";
  }
  for (std::size_t c = 0; c < channels; ++c) {
    if (std::isnan(thresholds.lower[c]) || std::isnan(thresholds.upper[c])) {
      return "a threshold is NaN";
    }
  }
  return {};
}

}  // namespace bnn
