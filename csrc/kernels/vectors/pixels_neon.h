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

  static Where below_zero(Floats x) { return vcltzq_f32(x); }
  static Where apart_from_zero(Floats x) { return vorrq_u32(vcltzq_f32(x), vcgtzq_f32(x)); }
  static Where nan(Floats x) { return vmvnq_u32(vceqq_f32(x, x)); }
  // Bit l: lane l.
  static std::uint32_t mask(Where where) {
    constexpr std::uint32_t kBits[kLanes] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(where, vld1q_u32(kBits)));
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

  static Bits load_bits(const std::uint32_t* x) { return vld1q_u32(x); }
  // Bit l of `bits` as the highest bit of lane l.
  static Bits spread(std::uint32_t x) {
    constexpr std::int32_t kShifts[kLanes] = {31, 30, 29, 28};
    return vshlq_u32(bits(x), vld1q_s32(kShifts));
  }
  // −1 where the highest bit is set, else +1.
  static Floats signs(Bits x) {
    return vbslq_f32(bits(0x80000000u), vreinterpretq_f32_u32(x), all(1.0f));
  }
  static void store(float* out, Floats y) { vst1q_f32(out, y); }
  static void store(float* out, Floats y, Tail lanes) {
    float copy[kLanes];
    store(copy, y);
    for (std::ptrdiff_t i = 0; i < lanes.count; ++i) out[i] = copy[i];
  }
};

}  // namespace
}  // namespace bnn
