// Memory aligned to a page.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "probe.h"

namespace bnn::roofline {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Buffer = std::unique_ptr<char, Free>;

// `bytes`, rounded up to whole pages, every one of them written, with bits that are not all equal.
// Throws std::bad_alloc.
inline Buffer make_buffer(std::ptrdiff_t bytes) {
  const auto size =
      static_cast<std::size_t>((bytes + kStreamGranule - 1) / kStreamGranule * kStreamGranule);
  Buffer buffer(static_cast<char*>(std::aligned_alloc(kStreamGranule, size)));
  if (!buffer) throw std::bad_alloc();
  std::memset(buffer.get(), 0x35, size);
  return buffer;
}

}  // namespace bnn::roofline
