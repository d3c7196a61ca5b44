// The clock rate that the core really runs at, which no register tells inside a virtual machine.
#pragma once

#include <cstddef>

#include "timer.h"

namespace bnn::roofline {

class Clock {
 public:
  explicit Clock(Timer& timer);

  // Cycles a second: the rate of additions of which each needs the result of the one before, one
  // cycle each on every CPU with a pipeline. After timer.measure().
  double hertz(const Timer& timer) const;

 private:
  std::size_t loop_;
};

}  // namespace bnn::roofline
