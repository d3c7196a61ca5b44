#include <arm_neon.h>

#include "kernels/xnor_masked/byte_counts.h"
#include "kernels/xnor_masked/xnor_masked.h"

namespace bnn {
namespace {

struct U64x2 {
  static constexpr int kLanes = 2;
  static constexpr int kParts = 2;
  static constexpr int kRows = 4;
  using Vector = uint64x2_t;

  static Vector zero() { return vdupq_n_u64(0); }
  static Vector broadcast(std::uint64_t x) { return vdupq_n_u64(x); }
  static Vector load(const std::uint64_t* x) { return vld1q_u64(x); }
  static void store_low(std::int32_t* out, Vector x) {
    vst1_s32(out, vreinterpret_s32_u32(vmovn_u64(x)));
  }
  static Vector add(Vector a, Vector b) { return vaddq_u64(a, b); }
  static Vector subtract(Vector a, Vector b) { return vsubq_u64(a, b); }
  static Vector shift_left(Vector x, int count) { return vshlq_u64(x, vdupq_n_s64(count)); }
  static Vector differ(Vector x, Vector w, Vector m) { return vandq_u64(veorq_u64(x, w), m); }
  static Vector both(Vector a, Vector b) { return vandq_u64(a, b); }
  static Vector byte_ones(Vector x) {
    return vreinterpretq_u64_u8(vcntq_u8(vreinterpretq_u8_u64(x)));
  }
  static Vector add_bytes(Vector a, Vector b) {
    return vreinterpretq_u64_u8(vaddq_u8(vreinterpretq_u8_u64(a), vreinterpretq_u8_u64(b)));
  }
  static Vector sum_bytes(Vector x) {
    return vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(vreinterpretq_u8_u64(x))));
  }
  static std::uint64_t ones(std::uint64_t x) { return vaddv_u8(vcnt_u8(vcreate_u8(x))); }
};

}  // namespace

void xnor_masked_neon(const std::uint64_t* input, const std::ptrdiff_t* inputs, std::ptrdiff_t rows,
                      std::ptrdiff_t input_mask, const Segment* segments, int segment_count,
                      const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                      std::ptrdiff_t vectors, std::ptrdiff_t weight_mask, std::int32_t* acc,
                      std::ptrdiff_t acc_stride) {
  xnor_masked<U64x2>({input, inputs, input_mask, segments, segment_count, weights, vector_stride,
                      weight_mask, acc, acc_stride},
                     rows, vectors);
}

}  // namespace bnn
