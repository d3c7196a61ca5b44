// One row of a kernel family's manifest, as every reader of the manifests sees it: dispatch
// (runtime), tests and benchmarks iterate over the same rows.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cpu/isa.h"

namespace bnn {

template <class Fn>
struct Variant {
  std::string_view family;  // "xnor_gemm"
  Isa isa;                  // what the CPU must support to run it
  int lanes;  // output channels per lane vector (1 where the family has no such notion)
  Fn run;

  std::string name() const { return std::string(family) + "/" + std::string(isa_name(isa)); }
};

// The row for the most capable instruction set that is not above `isa`. Every family has a scalar
// row and lists its rows in the order of Isa, so there always is one.
template <class Fn>
const Variant<Fn>& select_variant(std::span<const Variant<Fn>> rows, Isa isa) {
  const Variant<Fn>* best = &rows.front();
  for (const Variant<Fn>& row : rows) {
    if (row.isa <= isa) best = &row;
  }
  return *best;
}

}  // namespace bnn
