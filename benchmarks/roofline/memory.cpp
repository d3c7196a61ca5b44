#include "memory.h"

#include <algorithm>

#include "buffer.h"
#include "cpu_features.h"
#include "probe.h"
#include "timing.h"

namespace bnn::roofline {
namespace {

constexpr double kSecondsPerProbe = 0.15;

// The bits of a binary dense layer 9216 → 4096, the largest of AlexNet.
constexpr std::ptrdiff_t kDenseBytes = std::ptrdiff_t{9216} * 4096 / 8;

// The widest loads and stores that the machine has.
Streams streams() {
#if defined(__x86_64__)
  if (cpu_has({"avx2", "fma", "avx512f", "os_zmm_state"})) return stream_avx512();
  if (cpu_has({"avx2", "os_ymm_state"})) return stream_avx2();
#endif
  return stream_generic();
}

Bandwidth measure(const Streams& streams, std::ptrdiff_t bytes) {
  const Buffer buffer = make_buffer(bytes);
  const Buffer sink = make_buffer(kStreamGranule);
  const auto rate = [bytes](auto pass) {
    const double seconds = seconds_per_pass(
        [&pass](std::ptrdiff_t passes) {
          for (; passes > 0; --passes) pass();
        },
        kSecondsPerProbe);
    return static_cast<double>(bytes) / seconds;
  };
  Bandwidth result{bytes, 0, "", 0};
  for (int i = 0; i < streams.read_count; ++i) {
    const Stream& stream = streams.reads[i];
    const double read = rate([&] { stream.read(buffer.get(), bytes, sink.get()); });
    if (read > result.read) {
      result.read = read;
      result.read_order = stream.name;
    }
  }
  result.write = rate([&] { streams.write(buffer.get(), bytes); });
  return result;
}

}  // namespace

std::vector<MemoryResult> measure_memory(const Caches& caches) {
  const std::ptrdiff_t last = std::max({caches.l1, caches.l2, caches.l3});
  struct Level {
    std::string_view name;
    std::ptrdiff_t bytes;  // 0: no such level
  };
  // Half of a cache leaves room for the stack, for page tables and for other programs; memory means
  // more than four times what the last cache holds.
  const Level levels[] = {
      {"l1", caches.l1 / 2},
      {"l2", caches.l2 / 2},
      {"l3", caches.l3 / 2},
      {"dram", std::max(std::ptrdiff_t{256} << 20, 4 * last)},
      {"dense_9216x4096", kDenseBytes},
  };
  std::vector<MemoryResult> results;
  for (const Level& level : levels) {
    MemoryResult result{level.name, {}};
    const std::ptrdiff_t bytes = level.bytes / kStreamGranule * kStreamGranule;
    if (bytes > 0) {
      try {
        result.bandwidth = measure(streams(), bytes);
      } catch (const std::bad_alloc&) {  // the level stays unknown
      }
    }
    results.push_back(result);
  }
  return results;
}

}  // namespace bnn::roofline
