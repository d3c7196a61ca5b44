// How fast one core reads and writes buffers that lie in each of the caches, or in none.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "caches.h"

namespace bnn::roofline {

struct Bandwidth {
  std::ptrdiff_t bytes;  // of the buffer
  double read;           // bytes a second
  std::string_view read_order;
  double write;
};

struct MemoryResult {
  std::string_view level;              // "l1", "l2", "l3", "dram", "dense_9216x4096"
  std::optional<Bandwidth> bandwidth;  // none where there is no such level, or not enough memory
};

std::vector<MemoryResult> measure_memory(const Caches& caches);

}  // namespace bnn::roofline
