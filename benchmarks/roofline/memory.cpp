#include "memory.h"

#include <algorithm>
#include <utility>

#include "cpu_features.h"

namespace bnn::roofline {
namespace {

// The bits of a binary dense layer 9216 → 4096, the largest of AlexNet.
constexpr std::ptrdiff_t kDenseBytes = std::ptrdiff_t{9216} * 4096 / 8;

// The widest loads and stores that the machine has.
Streams widest_streams() {
#if defined(__x86_64__)
  if (cpu_has({"popcnt", "avx2", "fma", "os_ymm_state"})) {
    return cpu_has({"avx512f", "os_zmm_state"}) ? stream_avx512() : stream_avx2();
  }
#endif
  return stream_generic();
}

}  // namespace

Memory::Memory(Timer& timer, const Caches& caches)
    : streams_(widest_streams()), sink_(make_buffer(kStreamGranule)) {
  // Half of a cache leaves room for the stack, for page tables and for other programs; memory is
  // where at least four times as much is read as the caches hold.
  add(timer, "l1", caches.l1 / 2);
  add(timer, "l2", caches.l2 / 2);
  add(timer, "l3", caches.l3 / 2);
  add(timer, "dram",
      std::max(std::ptrdiff_t{256} << 20, 4 * std::max({caches.l1, caches.l2, caches.l3})));
  add(timer, "dense_9216x4096", kDenseBytes);
}

void Memory::add(Timer& timer, std::string_view name, std::ptrdiff_t bytes) {
  Level level{name, bytes / kStreamGranule * kStreamGranule, {}, {}};
  if (level.bytes > 0) {
    try {
      level.buffer = make_buffer(level.bytes);
    } catch (const std::bad_alloc&) {  // the level stays unknown
    }
  }
  if (level.buffer) {
    char* const data = level.buffer.get();
    const std::ptrdiff_t size = level.bytes;
    for (int i = 0; i < streams_.read_count; ++i) {
      const auto read = streams_.reads[i].read;
      void* const sink = sink_.get();
      level.reads.push_back(timer.add([=](std::ptrdiff_t passes) {
        for (; passes > 0; --passes) read(data, size, sink);
      }));
    }
    const auto write = streams_.write;
    level.write = timer.add([=](std::ptrdiff_t passes) {
      for (; passes > 0; --passes) write(data, size);
    });
  }
  levels_.push_back(std::move(level));
}

std::vector<MemoryResult> Memory::results(const Timer& timer) const {
  std::vector<MemoryResult> results;
  for (const Level& level : levels_) {
    MemoryResult result{level.name, {}};
    if (level.buffer) {
      const auto rate = [&](std::size_t loop) {
        return static_cast<double>(level.bytes) / timer.seconds_per_pass(loop);
      };
      Bandwidth bandwidth{level.bytes, 0, "", rate(level.write)};
      for (int i = 0; i < streams_.read_count; ++i) {
        const double read = rate(level.reads[static_cast<std::size_t>(i)]);
        if (read > bandwidth.read) {
          bandwidth.read = read;
          bandwidth.read_order = streams_.reads[i].name;
        }
      }
      result.bandwidth = bandwidth;
    }
    results.push_back(result);
  }
  return results;
}

}  // namespace bnn::roofline
