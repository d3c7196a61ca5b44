// The loops of family pool over the vectors of an instruction set (vectors/f32_<isa>.h). Internal
// linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include "kernels/pool/pool.h"

namespace bnn {
namespace {

// larger(x, m) is x > m ? x : m, so only a NaN in m is left to replace.
template <class V>
struct Max {
  using Vector = typename V::Vector;
  static Vector combine(Vector m, Vector x) { return V::where_nan(m, x, V::larger(x, m)); }
};

template <class V>
struct Sum {
  using Vector = typename V::Vector;
  static Vector combine(Vector sum, Vector x) { return V::add(sum, x); }
};

// kVectors vectors of channels from c on, in registers over all inputs.
template <class V, class Op, int kVectors, class... Tail>
inline void block(const float* const* inputs, int count, std::ptrdiff_t c, float* out,
                  Tail... lanes) {
  typename V::Vector y[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) y[v] = V::load(inputs[0] + c + v * V::kLanes, lanes...);
  for (int i = 1; i < count; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      y[v] = Op::combine(y[v], V::load(inputs[i] + c + v * V::kLanes, lanes...));
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) V::store(out + c + v * V::kLanes, y[v], lanes...);
}

template <class V, template <class> class Op>
void pool(const float* const* inputs, int count, std::ptrdiff_t channels, float* out) {
  constexpr std::ptrdiff_t kLanes = V::kLanes;
  std::ptrdiff_t c = 0;
  for (; c + 4 * kLanes <= channels; c += 4 * kLanes) block<V, Op<V>, 4>(inputs, count, c, out);
  for (; c + kLanes <= channels; c += kLanes) block<V, Op<V>, 1>(inputs, count, c, out);
  if (c < channels) block<V, Op<V>, 1>(inputs, count, c, out, V::tail(channels - c));
}

}  // namespace
}  // namespace bnn
