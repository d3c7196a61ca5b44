// Vectors of packed words of NEON; see vectors/u64_avx2.h.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct U64 {
  static constexpr int kLanes = 2;
  static constexpr bool kMasks = false;  // there are no tails
  using Vector = uint64x2_t;

  static Vector load(const std::uint64_t* x) { return vld1q_u64(x); }
  static void store(std::uint64_t* out, Vector y) { vst1q_u64(out, y); }
};

}  // namespace
}  // namespace bnn
