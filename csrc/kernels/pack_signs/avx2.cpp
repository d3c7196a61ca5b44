#include "kernels/pack_signs/loops.h"
#include "kernels/vectors/pixels_avx2.h"

namespace bnn {

unsigned pack_signs_f32_avx2(const float* x, std::ptrdiff_t row_stride, std::ptrdiff_t pixels,
                             std::ptrdiff_t channels, std::uint64_t* signs, std::uint64_t* masks) {
  return pack_signs<Pixels>(x, row_stride, pixels, channels, signs, masks);
}

unsigned pack_signs_planar_f32_avx2(const float* x, std::ptrdiff_t plane_stride,
                                    std::ptrdiff_t pixels, std::ptrdiff_t channels,
                                    std::uint64_t* signs, std::uint64_t* masks) {
  return pack_signs_planar<Pixels>(x, plane_stride, pixels, channels, signs, masks);
}

}  // namespace bnn
