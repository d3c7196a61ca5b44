// The time of a loop on a machine that others use as well.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>

namespace bnn::roofline {

// Seconds of one pass of `run(passes)`: the least over many short samples, since other load and
// interrupts only ever add time. A sample is long beside the clock's resolution and short beside a
// scheduler's time slice.
template <class Run>
double seconds_per_pass(Run run, double total_seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr double kSampleSeconds = 100e-6;
  constexpr int kMinSamples = 4;
  const auto sample = [&run](std::ptrdiff_t passes) {
    const auto start = Clock::now();
    run(passes);
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::ptrdiff_t passes = 1;
  while (sample(passes) < kSampleSeconds) passes *= 2;
  double least = std::numeric_limits<double>::infinity();
  const auto start = Clock::now();
  for (int samples = 0; samples < kMinSamples ||
                        std::chrono::duration<double>(Clock::now() - start).count() < total_seconds;
       ++samples) {
    least = std::min(least, sample(passes) / static_cast<double>(passes));
  }
  return least;
}

}  // namespace bnn::roofline
