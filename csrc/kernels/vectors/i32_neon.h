// Vectors of 32-bit integers of NEON; see vectors/i32_avx2.h.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct I32 {
  static constexpr int kLanes = 4;
  using Vector = int32x4_t;
  struct Tail {
    std::ptrdiff_t count;  // only the first lanes are accessed
  };

  static Tail tail(std::ptrdiff_t count) { return {count}; }
  static Vector load(const std::int32_t* x) { return vld1q_s32(x); }
  static Vector load(const std::int32_t* x, Tail lanes) {
    std::int32_t copy[kLanes] = {};
    for (std::ptrdiff_t i = 0; i < lanes.count; ++i) copy[i] = x[i];
    return load(copy);
  }
  static void store(std::int32_t* out, Vector y) { vst1q_s32(out, y); }
  static void store(std::int32_t* out, Vector y, Tail lanes) {
    std::int32_t copy[kLanes];
    store(copy, y);
    for (std::ptrdiff_t i = 0; i < lanes.count; ++i) out[i] = copy[i];
  }

  static Vector broadcast(std::int32_t x) { return vdupq_n_s32(x); }
  static Vector add(Vector a, Vector b) { return vaddq_s32(a, b); }
  static Vector subtract(Vector a, Vector b) { return vsubq_s32(a, b); }
  static Vector shift_right(Vector x, int count) {  // arithmetic
    return vshlq_s32(x, vdupq_n_s32(-count));
  }
};

}  // namespace
}  // namespace bnn
