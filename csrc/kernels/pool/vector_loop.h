// The loops of family pool over the vectors of an instruction set (vectors/f32_<isa>.h and
// vectors/u64_<isa>.h). Internal linkage: each file needs its own copy, compiled with its own
// flags.
#pragma once

#include "kernels/pool/pool.h"

namespace bnn {
namespace {

// Each combines vectors, and single elements behind the last whole vector. larger(x, m) is
// x > m ? x : m, so only a NaN in m is left to replace.
template <class V>
struct Max {
  using Vector = typename V::Vector;
  static Vector combine(Vector m, Vector x) { return V::where_nan(m, x, V::larger(x, m)); }
  static float combine(float m, float x) { return (m != m) | (x > m) ? x : m; }
};

template <class V>
struct Sum {
  using Vector = typename V::Vector;
  static Vector combine(Vector sum, Vector x) { return V::add(sum, x); }
  static float combine(float sum, float x) { return sum + x; }
};

template <class V>
struct And {
  template <class T>
  static T combine(T y, T x) {
    return y & x;
  }
};

template <class V>
struct Or {
  template <class T>
  static T combine(T y, T x) {
    return y | x;
  }
};

// kVectors vectors of one pixel from element e on, in registers over all inputs.
template <class V, class Op, int kVectors, class T, class... Tail>
inline void block(const T* const* inputs, int count, std::ptrdiff_t e, T* out, Tail... lanes) {
  typename V::Vector y[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) y[v] = V::load(inputs[0] + e + v * V::kLanes, lanes...);
  for (int i = 1; i < count; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      y[v] = Op::combine(y[v], V::load(inputs[i] + e + v * V::kLanes, lanes...));
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) V::store(out + v * V::kLanes, y[v], lanes...);
}

// One element of each pixel.
template <class Op, class T>
void element_of_pixels(const T* const* inputs, int count, std::ptrdiff_t stride,
                       std::ptrdiff_t pixels, std::ptrdiff_t elements, std::ptrdiff_t e, T* out) {
  if (count == 4) {  // a window of 2 × 2, whose addresses stay in registers
    const T* const tap[4] = {inputs[0] + e, inputs[1] + e, inputs[2] + e, inputs[3] + e};
    for (std::ptrdiff_t p = 0; p < pixels; ++p) {
      const T y =
          Op::combine(Op::combine(tap[0][p * stride], tap[1][p * stride]), tap[2][p * stride]);
      out[p * elements + e] = Op::combine(y, tap[3][p * stride]);
    }
    return;
  }
  for (std::ptrdiff_t p = 0; p < pixels; ++p) {
    T y = inputs[0][p * stride + e];
    for (int i = 1; i < count; ++i) y = Op::combine(y, inputs[i][p * stride + e]);
    out[p * elements + e] = y;
  }
}

template <class V, template <class> class Op, class T>
void pool(const T* const* inputs, int count, std::ptrdiff_t stride, std::ptrdiff_t pixels,
          std::ptrdiff_t elements, T* out) {
  constexpr std::ptrdiff_t kLanes = V::kLanes;
  const std::ptrdiff_t whole = elements / kLanes * kLanes;
  if (whole != 0 || V::kMasks) {
    for (std::ptrdiff_t p = 0; p < pixels; ++p) {
      const std::ptrdiff_t first = p * stride;
      T* target = out + p * elements;
      std::ptrdiff_t e = 0;
      for (; e + 4 * kLanes <= elements; e += 4 * kLanes) {
        block<V, Op<V>, 4>(inputs, count, first + e, target + e);
      }
      for (; e < whole; e += kLanes) block<V, Op<V>, 1>(inputs, count, first + e, target + e);
      if constexpr (V::kMasks) {
        if (e < elements) {
          block<V, Op<V>, 1>(inputs, count, first + e, target + e, V::tail(elements - e));
        }
      }
    }
  }
  if constexpr (!V::kMasks) {
    for (std::ptrdiff_t e = whole; e < elements; ++e) {
      element_of_pixels<Op<V>>(inputs, count, stride, pixels, elements, e, out);
    }
  }
}

}  // namespace
}  // namespace bnn
