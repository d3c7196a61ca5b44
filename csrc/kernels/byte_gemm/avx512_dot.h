// What the AVX-512 variants of family byte_gemm share: all but the step itself. Internal linkage:
// each file needs its own copy, compiled with its own flags.
//
// Products of an unsigned and a signed byte need signed weights for unsigned input and the other
// way round: ±1 for the one; for the other 0 and 2, the sum Σ 2·[weight is −1]·x being what the sum
// of the input exceeds Σ ±x by.
#pragma once

#include <immintrin.h>

#include "kernels/byte_gemm/tiles.h"

namespace bnn {
namespace {

// Dot::add(sum, u, s)   adds the four products of the unsigned bytes u and the signed bytes s of
//                       each lane to its sum; no |u · s| exceeds 256
// Dot::total(sum)       the sums as 32-bit integers
// Dot::kMaxSteps        as in Tiles
template <class Input, class Dot>
struct Avx512Tiles {
  static constexpr int kLanes = 16;
  static constexpr bool kInputSums = kIsSigned<Input>;
  static constexpr std::ptrdiff_t kMaxSteps = Dot::kMaxSteps;
  using Sums = __m512i;
  using InputSum = __m512i;
  using Factor = __m512i;
  using Weights = __m512i;

  static Sums zero() { return _mm512_setzero_si512(); }
  static InputSum input_zero() { return zero(); }
  static Factor load(const Input* x) { return _mm512_set1_epi32(load_bytes(x)); }
  static Factor load(const Input* x, std::ptrdiff_t count) {
    const __mmask16 present = static_cast<__mmask16>((1u << count) - 1);
    return _mm512_broadcastd_epi32(_mm_maskz_loadu_epi8(present, x));
  }
  static Weights weights(std::uint64_t word) {
    if constexpr (kInputSums) return _mm512_maskz_mov_epi8(word, _mm512_set1_epi8(2));
    return _mm512_mask_blend_epi8(word, _mm512_set1_epi8(1), _mm512_set1_epi8(-1));
  }
  static Sums add(Sums sum, Factor x, Weights w) {
    if constexpr (kInputSums) return Dot::add(sum, w, x);
    return Dot::add(sum, x, w);
  }
  static InputSum add_input(InputSum sum, Factor x) {
    return Dot::add(sum, _mm512_set1_epi8(1), x);
  }
  static void store(std::int32_t* out, Sums sum, InputSum input, bool onto) {
    __m512i y = Dot::total(sum);
    if constexpr (kInputSums) y = _mm512_sub_epi32(Dot::total(input), y);
    if (onto) y = _mm512_add_epi32(y, _mm512_load_si512(out));
    _mm512_store_si512(out, y);
  }

  [[gnu::noinline]] static std::ptrdiff_t list_nonzero(const Input* x, std::ptrdiff_t row_stride,
                                                       int rows, std::ptrdiff_t count,
                                                       std::int32_t* positions) {
    const __m512i iota_i32x16 =
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    std::ptrdiff_t listed = 0;
    for (std::ptrdiff_t i = 0; i < count; i += 16) {
      const std::ptrdiff_t left = count - i;
      const __mmask16 present = static_cast<__mmask16>(left < 16 ? (1u << left) - 1 : 0xFFFFu);
      __m512i bytes = _mm512_setzero_si512();
      for (int r = 0; r < rows; ++r) {
        const Input* row = x + r * row_stride + i * kByteGemmGroup;
        bytes = _mm512_or_si512(bytes, _mm512_maskz_loadu_epi32(present, row));
      }
      const __mmask16 nonzero = _mm512_test_epi32_mask(bytes, bytes);
      const __m512i position_i32x16 =
          _mm512_add_epi32(iota_i32x16, _mm512_set1_epi32(static_cast<int>(i)));
      _mm512_storeu_si512(positions + listed,
                          _mm512_maskz_compress_epi32(nonzero, position_i32x16));
      listed += _mm_popcnt_u32(nonzero);
    }
    return listed;
  }
};

}  // namespace
}  // namespace bnn
