#include "clock.h"

#include <cstdint>

namespace bnn::roofline {
namespace {

constexpr int kAdditions = 256;  // a pass: the loop around them runs beside the chain

// The step is a register: additions of constants need no cycle of their own on CPUs that fold them
// while renaming registers. The empty instruction keeps the compiler from merging additions.
void chain(std::ptrdiff_t passes) {
  std::uint64_t sum = 0;
  std::uint64_t step = 1;
  __asm__ volatile("" : "+r"(step));
  for (; passes > 0; --passes) {
#pragma GCC unroll 256
    for (int i = 0; i < kAdditions; ++i) {
      sum += step;
      __asm__ volatile("" : "+r"(sum));
    }
  }
}

}  // namespace

Clock::Clock(Timer& timer) : loop_(timer.add(chain)) {}

double Clock::hertz(const Timer& timer) const { return kAdditions / timer.seconds_per_pass(loop_); }

}  // namespace bnn::roofline
