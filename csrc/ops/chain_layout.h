// Words in the layout of kernels/xnor_chain/xnor_chain.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

// out[k · stride] = words[0] ^ … ^ words[k] for even k, words[k] for odd k; 0 ≤ k < length.
// `out` may be `words` where the stride is 1.
inline void make_chain(const std::uint64_t* words, std::ptrdiff_t length, std::uint64_t* out,
                       std::ptrdiff_t stride) {
  std::uint64_t parity = 0;
  std::ptrdiff_t k = 0;
  for (; k + 1 < length; k += 2) {
    const std::uint64_t even = words[k];
    const std::uint64_t odd = words[k + 1];
    parity ^= even;
    out[k * stride] = parity;
    out[(k + 1) * stride] = odd;
    parity ^= odd;
  }
  if (k < length) out[k * stride] = parity ^ words[k];
}

}  // namespace bnn
