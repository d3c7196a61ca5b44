// Words in the layout of kernels/xnor_chain/xnor_chain.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace bnn {

// out[k · stride] = words[0] ^ … ^ words[k] for even k, words[k] for odd k; 0 ≤ k < length.
// `out` may be `words` where the stride is 1.
inline void make_chain(const std::uint64_t* words, std::ptrdiff_t length, std::uint64_t* out,
                       std::ptrdiff_t stride) {
  std::uint64_t parity = 0;
  std::ptrdiff_t k = 0;
  for (; k + 1 < length; k += 2) {
    parity ^= words[k];
    out[k * stride] = parity;
    const std::uint64_t odd = words[k + 1];
    out[(k + 1) * stride] = odd;
    parity ^= odd;
  }
  if (k < length) out[k * stride] = parity ^ words[k];
}

// `count` chains of `length` words each, at words + i · step, stored at out + i · out_step.
inline void make_chains(const std::uint64_t* words, std::ptrdiff_t step, std::ptrdiff_t count,
                        std::ptrdiff_t length, std::uint64_t* out, std::ptrdiff_t out_step) {
  const auto make_all = [&](auto of_length) {
    for (; count > 0; --count, words += step, out += out_step) make_chain(words, of_length, out, 1);
  };
  // Straight-line code for three taps of one and of two words.
  if (length == 3) return make_all(std::integral_constant<std::ptrdiff_t, 3>());
  if (length == 6) return make_all(std::integral_constant<std::ptrdiff_t, 6>());
  make_all(length);
}

}  // namespace bnn
