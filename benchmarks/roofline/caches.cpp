#include "caches.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace bnn::roofline {
namespace {

// Linux lists the caches of a CPU as index0, index1, ... each with its level, type and size
// ("32K").
std::ptrdiff_t size_in_sysfs(int wanted_level) {
  for (int index = 0;; ++index) {
    const std::string folder =
        "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    int level = 0;
    std::string type;
    std::ptrdiff_t kilobytes = 0;
    if (!(std::ifstream(folder + "level") >> level)) return 0;
    std::ifstream(folder + "type") >> type;
    std::ifstream(folder + "size") >> kilobytes;
    if (level == wanted_level && type != "Instruction") return kilobytes * 1024;
  }
}

std::ptrdiff_t size(int level, [[maybe_unused]] int sysconf_name) {
  if (const std::ptrdiff_t bytes = size_in_sysfs(level); bytes > 0) return bytes;
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  return std::max<std::ptrdiff_t>(0, sysconf(sysconf_name));
#else
  return 0;
#endif
}

}  // namespace

Caches detect_caches() {
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  return {size(1, _SC_LEVEL1_DCACHE_SIZE), size(2, _SC_LEVEL2_CACHE_SIZE),
          size(3, _SC_LEVEL3_CACHE_SIZE)};
#else
  return {size(1, 0), size(2, 0), size(3, 0)};
#endif
}

}  // namespace bnn::roofline
