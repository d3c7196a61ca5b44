// Vectors of packed words of AVX2. vectors/u64_<isa>.h define the same U64 for their instruction
// set; & and | are the compiler's. Internal linkage: each file needs its own copy, compiled with
// its own flags.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct U64 {
  static constexpr int kLanes = 4;
  static constexpr bool kMasks = false;  // there are no tails
  using Vector = __m256i;

  static Vector load(const std::uint64_t* x) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  }
  static void store(std::uint64_t* out, Vector y) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), y);
  }
};

}  // namespace
}  // namespace bnn
