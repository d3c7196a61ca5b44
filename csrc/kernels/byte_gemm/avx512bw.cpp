#include "kernels/byte_gemm/avx512_dot.h"
#include "kernels/byte_gemm/byte_gemm.h"

namespace bnn {
namespace {

// Sums of two products are at most 512, so 64 of them fit into 16 bits: −2^15 is one such sum.
struct Dot {
  static constexpr std::ptrdiff_t kMaxSteps = 64;
  static __m512i add(__m512i sum_i16x32, __m512i u, __m512i s) {
    return _mm512_add_epi16(sum_i16x32, _mm512_maddubs_epi16(u, s));
  }
  static __m512i total(__m512i sum_i16x32) {
    return _mm512_madd_epi16(sum_i16x32, _mm512_set1_epi16(1));
  }
};

template <class Input>
struct Tiles : Avx512Tiles<Input, Dot> {
  static constexpr int kMaxRows[kMaxVectors] = {8, 8, 6, Tiles::kInputSums ? 4 : 5};
  template <int kRows, int kVectors>
  static void tile(const Call<Input>& call, int first_row) {
    byte_tile<Tiles, kRows, kVectors>(call, first_row);
  }
};

}  // namespace

void byte_gemm_u8_avx512bw(const std::uint8_t* input, std::ptrdiff_t row_stride, int rows,
                           const Segment* segments, int segment_count, const std::uint64_t* weights,
                           std::ptrdiff_t vector_stride, int vectors, std::int32_t* acc,
                           std::ptrdiff_t acc_stride) {
  sweep<Tiles<std::uint8_t>>(Call<std::uint8_t>{input, row_stride, segments, segment_count, weights,
                                                vector_stride, acc, acc_stride},
                             rows, vectors);
}

void byte_gemm_i8_avx512bw(const std::int8_t* input, std::ptrdiff_t row_stride, int rows,
                           const Segment* segments, int segment_count, const std::uint64_t* weights,
                           std::ptrdiff_t vector_stride, int vectors, std::int32_t* acc,
                           std::ptrdiff_t acc_stride) {
  sweep<Tiles<std::int8_t>>(Call<std::int8_t>{input, row_stride, segments, segment_count, weights,
                                              vector_stride, acc, acc_stride},
                            rows, vectors);
}

}  // namespace bnn
