// The rates of multiply-accumulates, by what is multiplied and by instruction set.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "buffer.h"
#include "probe.h"
#include "timer.h"

namespace bnn::roofline {

struct Rate {
  double macs_per_second;
  std::string_view tile;  // the fastest of the file's probes
};

struct ComputeResult {
  std::string_view kind;     // "binary", "float32" or "int8"
  std::string_view isa;      // what the probe is written for
  std::optional<Rate> rate;  // none where this CPU or its operating system lacks that
};

class Compute {
 public:
  explicit Compute(Timer& timer);

  // Every probe that this build has, by kind; after timer.measure().
  std::vector<ComputeResult> results(const Timer& timer) const;

 private:
  struct Row {
    std::string_view kind;
    std::string_view isa;
    Probes probes;                   // none where not supported
    std::vector<std::size_t> loops;  // one for each probe
  };

  Buffer rows_;
  Buffer weights_;
  Buffer sink_;
  std::vector<Row> table_;
};

}  // namespace bnn::roofline
