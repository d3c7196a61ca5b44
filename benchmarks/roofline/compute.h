// The rates of multiply-accumulates, by what is multiplied and by instruction set.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace bnn::roofline {

struct Rate {
  double macs_per_second;
  std::string_view tile;  // the fastest of the file's probes
};

struct ComputeResult {
  std::string_view kind;     // "binary", "float" or "int8"
  std::string_view isa;      // what the probe is written for
  std::optional<Rate> rate;  // none where this CPU or its operating system lacks that
};

// Every probe that this build has, in the order of kinds.
std::vector<ComputeResult> measure_compute();

}  // namespace bnn::roofline
