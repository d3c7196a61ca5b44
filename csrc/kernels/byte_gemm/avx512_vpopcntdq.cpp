#include "kernels/byte_gemm/avx512_dot.h"
#include "kernels/byte_gemm/byte_gemm.h"

namespace bnn {
namespace {

struct Dot {
  static constexpr std::ptrdiff_t kMaxSteps = std::ptrdiff_t{1} << 32;  // all there can be
  static __m512i total(__m512i sum) { return sum; }
  static __m512i add(__m512i sum, __m512i u, __m512i s) { return _mm512_dpbusd_epi32(sum, u, s); }
};

template <class Input>
struct Tiles : Avx512Tiles<Input, Dot> {
  static constexpr int kMaxRows[kMaxVectors] = {8, 8, Tiles::kInputSums ? 6 : 8,
                                                Tiles::kInputSums ? 5 : 6};
  template <int kRows, int kVectors>
  static void tile(const Call<Input>& call, int first_row) {
    byte_tile<Tiles, kRows, kVectors>(call, first_row);
  }
};

}  // namespace

void byte_gemm_u8_avx512_vpopcntdq(const std::uint8_t* input, std::ptrdiff_t row_stride, int rows,
                                   const Segment* segments, int segment_count,
                                   const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                                   int vectors, std::int32_t* acc, std::ptrdiff_t acc_stride) {
  sweep<Tiles<std::uint8_t>>(Call<std::uint8_t>{input, row_stride, segments, segment_count, weights,
                                                vector_stride, acc, acc_stride},
                             rows, vectors);
}

void byte_gemm_i8_avx512_vpopcntdq(const std::int8_t* input, std::ptrdiff_t row_stride, int rows,
                                   const Segment* segments, int segment_count,
                                   const std::uint64_t* weights, std::ptrdiff_t vector_stride,
                                   int vectors, std::int32_t* acc, std::ptrdiff_t acc_stride) {
  sweep<Tiles<std::int8_t>>(Call<std::int8_t>{input, row_stride, segments, segment_count, weights,
                                              vector_stride, acc, acc_stride},
                            rows, vectors);
}

}  // namespace bnn
