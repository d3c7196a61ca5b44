// How fast one core reads and writes buffers that lie in each of the caches, or in none.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "buffer.h"
#include "caches.h"
#include "probe.h"
#include "timer.h"

namespace bnn::roofline {

struct Bandwidth {
  std::ptrdiff_t bytes;         // of the buffer
  double read;                  // bytes a second
  std::string_view read_order;  // the fastest
  double write;
};

struct MemoryResult {
  std::string_view level;              // "l1", "l2", "l3", "dram", "dense_9216x4096"
  std::optional<Bandwidth> bandwidth;  // none where there is no such level, or not enough memory
};

class Memory {
 public:
  Memory(Timer& timer, const Caches& caches);

  // After timer.measure().
  std::vector<MemoryResult> results(const Timer& timer) const;

 private:
  struct Level {
    std::string_view name;
    std::ptrdiff_t bytes;
    Buffer buffer;                   // none where the level is not measured
    std::vector<std::size_t> reads;  // loops, one for each of streams_.reads
    std::size_t write = 0;
  };

  void add(Timer& timer, std::string_view name, std::ptrdiff_t bytes);

  Streams streams_;
  Buffer sink_;
  std::vector<Level> levels_;
};

}  // namespace bnn::roofline
