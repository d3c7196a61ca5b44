// The clock rate that the core really runs at, which no register tells inside a virtual machine.
#pragma once

namespace bnn::roofline {

// Cycles a second: the rate of additions of which each needs the result of the one before, one
// cycle each on every CPU with a pipeline.
double clock_hz();

}  // namespace bnn::roofline
