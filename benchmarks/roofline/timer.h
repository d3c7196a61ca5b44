// The times of several loops on a machine that others use as well.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

namespace bnn::roofline {

// Other programs, interrupts and virtual machines on the same core only ever add time, so what
// counts is the least of many short samples. Loops take turns in several rounds: disturbances of
// seconds hit none of them in all of its turns, and ratios of two loops are of the same minutes.
class Timer {
 public:
  using Run = std::function<void(std::ptrdiff_t passes)>;

  // Returns the number that seconds_per_pass() wants.
  std::size_t add(Run run);

  // Times every loop that was added.
  void measure();

  double seconds_per_pass(std::size_t loop) const { return loops_[loop].least; }

 private:
  struct Loop {
    Run run;
    std::ptrdiff_t passes = 1;  // a sample
    double least = std::numeric_limits<double>::infinity();
  };

  static double sample(Loop& loop);

  std::vector<Loop> loops_;
};

}  // namespace bnn::roofline
