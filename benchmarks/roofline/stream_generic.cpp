// Loads and stores as the compiler's default target has them.
#include "probe.h"

namespace bnn::roofline {
namespace {

constexpr int kSums = 16;

void read(const void* data, std::ptrdiff_t bytes, void* sink) {
  static_assert(kStreamGranule % (kSums * sizeof(std::uint64_t)) == 0);
  const auto* words = static_cast<const std::uint64_t*>(data);
  std::uint64_t sum[kSums] = {};
  for (std::ptrdiff_t left = bytes / 8; left > 0; left -= kSums, words += kSums) {
#pragma GCC unroll 16
    for (int i = 0; i < kSums; ++i) sum[i] |= words[i];
  }
  std::uint64_t all = 0;
  for (const std::uint64_t part : sum) all |= part;
  *static_cast<std::uint64_t*>(sink) = all;
}

void write(void* data, std::ptrdiff_t bytes) {
  auto* words = static_cast<std::uint64_t*>(data);
  for (std::ptrdiff_t at = 0; at < bytes; at += kStreamGranule, words += kStreamGranule / 8) {
    for (int i = 0; i < kStreamGranule / 8; ++i) words[i] = 0x5555555555555555;
    // Keeps all of it from becoming one call of memset, which may bypass the caches.
    __asm__ volatile("" ::: "memory");
  }
}

constexpr Stream kReads[] = {{"1 stream", read}};

}  // namespace

Streams stream_generic() { return {kReads, sizeof kReads / sizeof *kReads, write}; }

}  // namespace bnn::roofline
