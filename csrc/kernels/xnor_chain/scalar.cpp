#include "kernels/xnor_chain/xnor_chain.h"

namespace bnn {
namespace {

constexpr int kLanes = 8;

// The number of ones of each byte of x, in that byte: plain shifts and masks, so that the loop over
// lanes vectorizes on any machine.
inline std::uint64_t byte_popcount(std::uint64_t x) {
  x -= (x >> 1) & 0x5555555555555555u;
  x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
  return (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
}

inline std::uint64_t popcount(std::uint64_t x) {
  return (byte_popcount(x) * 0x0101010101010101u) >> 56;
}

struct Ones {
  std::uint64_t lanes[kLanes];
};

// Disagreements of one row with one lane vector of weights.
Ones ones_of(const std::uint64_t* row, const Segment* chains, int chain_count,
             const std::uint64_t* weights) {
  Ones ones = {};
  for (int s = 0; s < chain_count; ++s) {
    if (chains[s].doublings > 0) {
      for (int l = 0; l < kLanes; ++l) ones.lanes[l] <<= chains[s].doublings;
    }
    const std::uint64_t* a = row + chains[s].input;
    const std::uint64_t* w = weights + chains[s].weight * kLanes;
    const std::ptrdiff_t length = chains[s].length;
    std::uint64_t parity[kLanes];
    for (int l = 0; l < kLanes; ++l) parity[l] = a[0] ^ w[l];
    std::ptrdiff_t k = 1;
    for (; k + 1 < length; k += 2) {
      for (int l = 0; l < kLanes; ++l) {
        const std::uint64_t word = a[k] ^ w[k * kLanes + l];
        const std::uint64_t next = a[k + 1] ^ w[(k + 1) * kLanes + l];
        const std::uint64_t differ = parity[l] ^ word;
        const std::uint64_t carry = (parity[l] & ~differ) | (~next & differ);
        ones.lanes[l] += 2 * popcount(carry);
        parity[l] = next;
      }
    }
    for (int l = 0; l < kLanes; ++l) {
      if (k < length) ones.lanes[l] += popcount(a[k] ^ w[k * kLanes + l]);
      ones.lanes[l] += popcount(parity[l]);
    }
  }
  return ones;
}

}  // namespace

void xnor_chain_scalar(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                       std::ptrdiff_t rows, const Segment* chains, int chain_count,
                       const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                       std::ptrdiff_t vectors, std::int32_t valid, std::int32_t* acc,
                       std::ptrdiff_t acc_stride) {
  for (std::ptrdiff_t v = 0; v < vectors; ++v) {
    for (std::ptrdiff_t r = 0; r < rows; ++r) {
      const Ones ones =
          ones_of(input + inputs[r], chains, chain_count, weights + v * vector_stride);
      std::int32_t* out = acc + r * acc_stride + v * kLanes;
      for (int l = 0; l < kLanes; ++l) {
        out[l] = valid - 2 * static_cast<std::int32_t>(ones.lanes[l]);
      }
    }
  }
}

void xnor_chain_f32_scalar(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                           std::ptrdiff_t rows, const Segment* chains, int chain_count,
                           const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                           std::ptrdiff_t vectors, std::int32_t valid, const float* scale,
                           const float* shift, std::ptrdiff_t channels, float* out,
                           const std::ptrdiff_t* outputs) {
  for (std::ptrdiff_t v = 0; v < vectors; ++v) {
    for (std::ptrdiff_t r = 0; r < rows; ++r) {
      const Ones ones =
          ones_of(input + inputs[r], chains, chain_count, weights + v * vector_stride);
      for (std::ptrdiff_t c = v * kLanes; c < channels && c < (v + 1) * kLanes; ++c) {
        float y = static_cast<float>(valid - 2 * static_cast<std::int32_t>(ones.lanes[c % kLanes]));
        if (scale != nullptr) y *= scale[c];
        if (shift != nullptr) y += shift[c];
        out[outputs[r] + c] = y;
      }
    }
  }
}

void xnor_chain_bits_scalar(const std::uint64_t* input, const std::ptrdiff_t* inputs,
                            std::ptrdiff_t rows, const Segment* chains, int chain_count,
                            const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                            std::ptrdiff_t vectors, std::int32_t valid, const std::int32_t* limit,
                            const std::uint8_t* flips, std::uint8_t* out,
                            const std::ptrdiff_t* outputs) {
  for (std::ptrdiff_t v = 0; v < vectors; ++v) {
    for (std::ptrdiff_t r = 0; r < rows; ++r) {
      const Ones ones =
          ones_of(input + inputs[r], chains, chain_count, weights + v * vector_stride);
      unsigned byte = flips[v];
      for (int l = 0; l < kLanes; ++l) {
        const std::int32_t acc = valid - 2 * static_cast<std::int32_t>(ones.lanes[l]);
        byte ^= (acc <= limit[v * kLanes + l] ? 1u : 0u) << l;
      }
      out[outputs[r] + v] = static_cast<std::uint8_t>(byte);
    }
  }
}

}  // namespace bnn
