#include "timer.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace bnn::roofline {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

constexpr int kRounds = 20;
constexpr double kTurnSeconds = 5e-3;
// Long beside the resolution of the clock, short beside the time slice of a scheduler.
constexpr double kSampleSeconds = 100e-6;

}  // namespace

std::size_t Timer::add(Run run) {
  loops_.push_back({.run = std::move(run)});
  return loops_.size() - 1;
}

double Timer::sample(Loop& loop) {
  const auto start = Clock::now();
  loop.run(loop.passes);
  const double seconds = since(start);
  loop.least = std::min(loop.least, seconds / static_cast<double>(loop.passes));
  return seconds;
}

void Timer::measure() {
  for (Loop& loop : loops_) {
    while (sample(loop) < kSampleSeconds) loop.passes *= 2;
    loop.least = std::numeric_limits<double>::infinity();  // too short samples may flatter
  }
  for (int round = 0; round < kRounds; ++round) {
    for (Loop& loop : loops_) {
      const auto start = Clock::now();
      do {
        sample(loop);
      } while (since(start) < kTurnSeconds);
    }
  }
}

}  // namespace bnn::roofline
