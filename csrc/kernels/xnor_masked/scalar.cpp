#include "kernels/xnor_masked/byte_counts.h"
#include "kernels/xnor_masked/xnor_masked.h"

namespace bnn {
namespace {

// The vector type that GCC and Clang have everywhere, registers where there are any.
struct U64x2 {
  static constexpr int kLanes = 2;
  static constexpr int kParts = 2;
  static constexpr int kRows = 2;
  using Vector [[gnu::vector_size(16)]] = std::uint64_t;

  static Vector zero() { return Vector{}; }
  static Vector broadcast(std::uint64_t x) { return Vector{x, x}; }
  static Vector load(const std::uint64_t* x) {
    Vector y;
    __builtin_memcpy(&y, x, sizeof(y));
    return y;
  }
  static void store_low(std::int32_t* out, Vector x) {
    out[0] = static_cast<std::int32_t>(x[0]);
    out[1] = static_cast<std::int32_t>(x[1]);
  }
  static Vector add(Vector a, Vector b) { return a + b; }
  static Vector subtract(Vector a, Vector b) { return a - b; }
  static Vector shift_left(Vector x, int count) { return x << count; }
  static Vector differ(Vector x, Vector w, Vector m) { return (x ^ w) & m; }
  static Vector both(Vector a, Vector b) { return a & b; }
  template <class T>
  static T byte_ones(T x) {
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    return (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
  }
  static Vector add_bytes(Vector a, Vector b) { return a + b; }
  // Up to 8 · 255: wider at each step.
  static Vector sum_bytes(Vector x) {
    x = (x & 0x00FF00FF00FF00FFu) + ((x >> 8) & 0x00FF00FF00FF00FFu);
    x += x >> 16;
    return (x + (x >> 32)) & 0xFFFFu;
  }
  static std::uint64_t ones(std::uint64_t x) { return (byte_ones(x) * 0x0101010101010101u) >> 56; }
};

}  // namespace

void xnor_masked_scalar(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                        std::ptrdiff_t rows, std::ptrdiff_t input_mask, const Segment* segments,
                        int segment_count, const std::uint64_t* weights,
                        std::ptrdiff_t vector_stride, std::ptrdiff_t vectors,
                        std::ptrdiff_t weight_mask, std::int32_t* acc, std::ptrdiff_t acc_stride) {
  xnor_masked<U64x2>({input, inputs, input_mask, segments, segment_count, weights, vector_stride,
                      weight_mask, acc, acc_stride},
                     rows, vectors);
}

}  // namespace bnn
