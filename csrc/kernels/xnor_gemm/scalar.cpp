#include "kernels/xnor_gemm/xnor_gemm.h"

namespace bnn {
namespace {

constexpr int kLanes = 4;

// A word adds at most 8 to each byte of a byte-wise popcount, so 31 words fit in a byte.
constexpr std::ptrdiff_t kWordsPerFlush = 31;

// The number of ones of each byte of x, in that byte. Plain shifts and masks: the loop over lanes
// vectorizes on any machine, which beats a library call per word where the baseline has no
// popcount.
inline std::uint64_t byte_popcount(std::uint64_t x) {
  x -= (x >> 1) & 0x5555555555555555u;
  x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
  return (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
}

// Sum of the eight bytes of x, up to 8 · 255: added pairwise first, for the product by ones keeps
// only what fits its top field.
inline std::uint64_t sum_of_bytes(std::uint64_t x) {
  x = (x & 0x00FF00FF00FF00FFu) + ((x >> 8) & 0x00FF00FF00FF00FFu);
  return (x * 0x0001000100010001u) >> 48;
}

// kDoubles: whether any segment does. Shifts would keep the sums of the others out of registers.
template <bool kDoubles>
void xnor_gemm(const std::uint64_t* input, std::ptrdiff_t row_stride, int rows,
               const Segment* segments, int segment_count, const std::uint64_t* weights,
               std::ptrdiff_t vector_stride, int vectors, std::int32_t valid, std::int32_t* acc,
               std::ptrdiff_t acc_stride) {
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) {
      std::uint64_t ones[kLanes] = {};
      for (int s = 0; s < segment_count; ++s) {
        if (kDoubles && segments[s].doublings > 0) {
          for (int l = 0; l < kLanes; ++l) ones[l] <<= segments[s].doublings;
        }
        const std::uint64_t* x = input + r * row_stride + segments[s].input;
        const std::uint64_t* w = weights + v * vector_stride + segments[s].weight * kLanes;
        std::ptrdiff_t left = segments[s].length;
        while (left > 0) {
          const std::ptrdiff_t words = left < kWordsPerFlush ? left : kWordsPerFlush;
          std::uint64_t bytes[kLanes] = {};
          for (std::ptrdiff_t k = 0; k < words; ++k) {
            for (int l = 0; l < kLanes; ++l) bytes[l] += byte_popcount(x[k] ^ w[k * kLanes + l]);
          }
          for (int l = 0; l < kLanes; ++l) ones[l] += sum_of_bytes(bytes[l]);
          x += words;
          w += words * kLanes;
          left -= words;
        }
      }
      std::int32_t* out = acc + r * acc_stride + v * kLanes;
      for (int l = 0; l < kLanes; ++l) out[l] = valid - 2 * static_cast<std::int32_t>(ones[l]);
    }
  }
}

}  // namespace

void xnor_gemm_scalar(const std::uint64_t* input, std::ptrdiff_t row_stride, int rows,
                      const Segment* segments, int segment_count, const std::uint64_t* weights,
                      std::ptrdiff_t vector_stride, int vectors, std::int32_t valid,
                      std::int32_t* acc, std::ptrdiff_t acc_stride) {
  bool doubles = false;
  for (int s = 0; s < segment_count; ++s) doubles |= segments[s].doublings > 0;
  const auto run = doubles ? xnor_gemm<true> : xnor_gemm<false>;
  run(input, row_stride, rows, segments, segment_count, weights, vector_stride, vectors, valid, acc,
      acc_stride);
}

}  // namespace bnn
