#include "clock.h"

#include <cstdint>

#include "timing.h"

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

double clock_hz() { return kAdditions / seconds_per_pass(chain, 0.1); }

}  // namespace bnn::roofline
