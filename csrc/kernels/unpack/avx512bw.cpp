#include "kernels/unpack/loops.h"
#include "kernels/vectors/pixels_avx512bw.h"

namespace bnn {

void unpack_f32_avx512bw(const std::uint64_t* in, std::ptrdiff_t pixels, std::ptrdiff_t channels,
                         float* out, std::ptrdiff_t stride) {
  unpack<Pixels>(in, pixels, channels, out, stride);
}

void unpack_planar_f32_avx512bw(const std::uint64_t* in, std::ptrdiff_t pixels,
                                std::ptrdiff_t channels, float* out, std::ptrdiff_t stride) {
  unpack_planar<Pixels>(in, pixels, channels, out, stride);
}

}  // namespace bnn
