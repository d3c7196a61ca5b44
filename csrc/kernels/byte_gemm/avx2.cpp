#include <immintrin.h>

#include "kernels/byte_gemm/byte_gemm.h"
#include "kernels/byte_gemm/tiles.h"
#include "kernels/positions_of_ones.h"

namespace bnn {
namespace {

// As in AVX-512 (byte_gemm/avx512_dot.h), weights are ±1 for unsigned input and 0 or 2 for signed.
template <class Input>
struct Tiles {
  static constexpr int kLanes = 16;
  static constexpr bool kInputSums = kIsSigned<Input>;
  // Sums of two products are at most 512, so 64 of them fit into 16 bits: −2^15 is one such sum.
  static constexpr std::ptrdiff_t kMaxSteps = 64;
  static constexpr int kMaxRows[kMaxVectors] = {kInputSums ? 3 : 4, 2, 1, 1};
  struct Pair {
    __m256i low;   // lanes 0 to 7
    __m256i high;  // lanes 8 to 15
  };
  using Sums = Pair;
  using InputSum = __m256i;
  using Factor = __m256i;
  using Weights = Pair;

  template <int kRows, int kVectors>
  static void tile(const Call<Input>& call, int first_row) {
    byte_tile<Tiles, kRows, kVectors>(call, first_row);
  }

  static Sums zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static InputSum input_zero() { return _mm256_setzero_si256(); }
  static Factor load(const Input* x) { return _mm256_set1_epi32(load_bytes(x)); }
  static Factor load(const Input* x, std::ptrdiff_t count) {
    return _mm256_set1_epi32(load_bytes(x, count));
  }

  // Byte i of the result from bit i.
  static __m256i expand(std::uint64_t word) {
    const __m256i byte_of_lane = _mm256_setr_epi64x(0x0000'0000'0000'0000, 0x0101'0101'0101'0101,
                                                    0x0202'0202'0202'0202, 0x0303'0303'0303'0303);
    const __m256i bit_of_byte = _mm256_set1_epi64x(static_cast<long long>(0x8040'2010'0804'0201u));
    const __m256i bytes = _mm256_shuffle_epi8(
        _mm256_set1_epi32(static_cast<std::int32_t>(static_cast<std::uint32_t>(word))),
        byte_of_lane);
    const __m256i ones = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit_of_byte), bit_of_byte);
    if constexpr (kInputSums) return _mm256_and_si256(ones, _mm256_set1_epi8(2));
    return _mm256_or_si256(ones, _mm256_set1_epi8(1));
  }
  static Weights weights(std::uint64_t word) { return {expand(word), expand(word >> 32)}; }

  static __m256i dot(__m256i sum_i16x16, __m256i u, __m256i s) {
    return _mm256_add_epi16(sum_i16x16, _mm256_maddubs_epi16(u, s));
  }
  static Sums add(Sums sum, Factor x, Weights w) {
    if constexpr (kInputSums) return {dot(sum.low, w.low, x), dot(sum.high, w.high, x)};
    return {dot(sum.low, x, w.low), dot(sum.high, x, w.high)};
  }
  static InputSum add_input(InputSum sum, Factor x) { return dot(sum, _mm256_set1_epi8(1), x); }
  static void store(std::int32_t* out, __m256i sum_i16x16, __m256i input_i16x16, bool onto) {
    auto* target = reinterpret_cast<__m256i*>(out);
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i y = _mm256_madd_epi16(sum_i16x16, ones);
    if constexpr (kInputSums) y = _mm256_sub_epi32(_mm256_madd_epi16(input_i16x16, ones), y);
    if (onto) y = _mm256_add_epi32(y, _mm256_load_si256(target));
    _mm256_store_si256(target, y);
  }
  static void store(std::int32_t* out, Sums sum, InputSum input, bool onto) {
    store(out, sum.low, input, onto);
    store(out + 8, sum.high, input, onto);
  }

  [[gnu::noinline]] static std::ptrdiff_t list_nonzero(const Input* x, std::ptrdiff_t row_stride,
                                                       int rows, std::ptrdiff_t count,
                                                       std::int32_t* positions) {
    std::ptrdiff_t listed = 0;
    std::ptrdiff_t i = 0;
    for (; i + 8 <= count; i += 8) {
      __m256i bytes = _mm256_setzero_si256();
      for (int r = 0; r < rows; ++r) {
        const Input* row = x + r * row_stride + i * kByteGemmGroup;
        bytes = _mm256_or_si256(bytes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row)));
      }
      const __m256i zero = _mm256_cmpeq_epi32(bytes, _mm256_setzero_si256());
      const int mask = ~_mm256_movemask_ps(_mm256_castsi256_ps(zero)) & 0xFF;
      const __m128i ones_u8x8 =
          _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kPositionsOfOnes.positions[mask]));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(positions + listed),
                          _mm256_add_epi32(_mm256_cvtepu8_epi32(ones_u8x8),
                                           _mm256_set1_epi32(static_cast<int>(i))));
      listed += _mm_popcnt_u32(static_cast<unsigned>(mask));
    }
    for (; i < count; ++i) positions[listed++] = static_cast<std::int32_t>(i);
    return listed;
  }
};

// Several rows share the expanded weights of one vector; one row needs the independent sums of
// four.
template <class Input>
void sweep_bytes(const Call<Input>& call, int rows, int vectors) {
  sweep_in_steps<Tiles<Input>>(call, rows, vectors, rows == 1 ? kMaxVectors : 1);
}

}  // namespace

void byte_gemm_u8_avx2(const std::uint8_t* input, std::ptrdiff_t row_stride, int rows,
                       const Segment* segments, int segment_count, const std::uint64_t* weights,
                       std::ptrdiff_t vector_stride, int vectors, std::int32_t* acc,
                       std::ptrdiff_t acc_stride) {
  sweep_bytes(Call<std::uint8_t>{input, row_stride, segments, segment_count, weights, vector_stride,
                                 acc, acc_stride},
              rows, vectors);
}

void byte_gemm_i8_avx2(const std::int8_t* input, std::ptrdiff_t row_stride, int rows,
                       const Segment* segments, int segment_count, const std::uint64_t* weights,
                       std::ptrdiff_t vector_stride, int vectors, std::int32_t* acc,
                       std::ptrdiff_t acc_stride) {
  sweep_bytes(Call<std::int8_t>{input, row_stride, segments, segment_count, weights, vector_stride,
                                acc, acc_stride},
              rows, vectors);
}

}  // namespace bnn
