// Pixels in lanes, on NEON; see vectors/pixels_avx2.h.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace bnn {
namespace {

struct Pixels {
  static constexpr int kLanes = 4;
  static constexpr int kBlock = 8;  // vectors that share a visit of a plane
  using Floats = float32x4_t;
  using Where = uint32x4_t;  // a truth per lane: all bits or none
  using Bits = uint32x4_t;   // 32 bits per lane
  struct Tail {
    std::ptrdiff_t count;  // only the first lanes are accessed
  };

  static Tail tail(std::ptrdiff_t count) { return {count}; }
  static Floats load(const float* x) { return vld1q_f32(x); }
  static Floats load(const float* x, Tail lanes) {
    float copy[kLanes] = {};
    for (std::ptrdiff_t i = 0; i < lanes.count; ++i) copy[i] = x[i];
    return load(copy);
  }
  static Floats all(float x) { return vdupq_n_f32(x); }

  // Comparisons are false for NaN.
  static Where at_most(Floats a, Floats b) { return vcleq_f32(a, b); }
  static Where between(Floats low, Floats x, Floats high) {
    return vandq_u32(at_most(low, x), at_most(x, high));
  }

  static Bits bits(std::uint32_t x) { return vdupq_n_u32(x); }
  static Bits twice(Bits x) { return vaddq_u32(x, x); }
  static Bits exclusive_or(Bits a, Bits b) { return veorq_u32(a, b); }
  // x | (where ? bit : 0)
  static Bits set(Bits x, Where where, Bits bit) { return vorrq_u32(x, vandq_u32(where, bit)); }

  // The 64-bit words low + 2^32 · high of every lane, in order.
  static void store_words(Bits low, Bits high, std::uint64_t* out) {
    vst1q_u64(out, vreinterpretq_u64_u32(vzip1q_u32(low, high)));
    vst1q_u64(out + 2, vreinterpretq_u64_u32(vzip2q_u32(low, high)));
  }
};

}  // namespace
}  // namespace bnn
