// Low-bit operands of a binary layer: what their planes of bits stand for, and the arithmetic that
// makes the layer's integers of the sums of the XNOR kernels.
//
// With b_p the ±1 planes of the input and d_q those of the weights (base/bits.h),
//
//     input of ±1              x = b
//     input of P digits      g·x = x0 − Σ_p 2^p · b_p
//     weights                h·w = c + Σ_q 2^s_q · d_q
//
// where a digit is (1 − b) / 2, hence Σ_p 2^p · b_p = 2^P − 1 − 2 · level, so that
//
//     x = level − zero              g = 2,   x0 = 2^P − 1 − 2 · zero
//     x = 2 · level − (2^P − 1)     g = 1,   x0 = 0                        (odd numbers)
//
// Summed over the real elements of a window, with g = 1, f = 1, x0 = 0 for ±1 and f = −1 for
// digits,
//
//     g·h · Σ x·w  =  x0 · h · Σ w   +   f·c · Σ_p 2^p Σ b_p   +   f · Σ_pq 2^(p + s_q) Σ b_p·d_q
//                     offset[output]     row[pixel]                     the kernel's sum
//
// The offset depends on the weights under the window alone: taps in the padding are left out of it,
// which makes padding the value 0, whatever level that would be. The row sum is that of the kernel
// with weights of +1. The kernel adds the pairs of planes by Horner's rule, largest power first
// (Segment::doublings).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/aligned.h"
#include "kernels/kernel_set.h"
#include "ops/conv_window.h"
#include "ops/op.h"

namespace bnn {

// What the planes of the input stand for: one plane of ±1, or
struct InputCode {
  int digits = 0;  // P: integers by their level, plane p is its binary digit p
  // {−1, 0, +1}: a plane of signs and a mask with a 1 where the element is not 0. It has the tail
  // bits 0, so that sums count real elements only (kernels/xnor_masked/xnor_masked.h).
  bool ternary = false;
  int zero = 0;      // of digits: the level of the number 0
  bool odd = false;  // of digits: the levels are the odd numbers around 0 instead

  // g·x = offset() − Σ_p 2^p · b_p for digits.
  int offset() const { return odd ? 0 : (1 << digits) - 1 - 2 * zero; }
  // log2 of g.
  int halvings() const { return digits == 0 || odd ? 0 : 1; }
  // The bits of a number, bit p in plane p; none where the code has no such number.
  std::optional<unsigned> bits_of(int value) const;
  // Empty when the fields make a code, else what is wrong with them.
  std::string problem() const;

  TensorType type() const { return {ElementType::bits, ternary ? 2 : digits == 0 ? 1 : digits}; }
};

// w = (constant + Σ_q 2^shifts[q] · plane q) / (halved ? 2 : 1), planes of ±1.
//
//     ±1                        {0}
//     {−1, 0, +1}               {0, 0} halved
//     {0, 1}                    {0} halved, constant 1
//     n-bit two's complement    {0 … n−1} halved, constant −1
//     odd numbers below 2^n     {0 … n−1}
struct WeightCode {
  std::vector<int> shifts{0};
  std::int32_t constant = 0;
  bool halved = false;
  friend bool operator==(const WeightCode&, const WeightCode&) = default;
};

// The most planes of either operand.
inline constexpr int kMaxPlanes = 8;

class PlaneSums {
 public:
  // Both operands one plane of ±1: the kernel's sums are the layer's.
  PlaneSums() = default;

  // `weights`: [planes][outputs][taps][words of a tap] packed words; `elements`: real ones of a
  // tap. The codes must have no problem().
  PlaneSums(const InputCode& input, const WeightCode& code, std::span<const std::uint64_t> weights,
            std::int64_t outputs, const Window& window, std::int64_t elements,
            PlaneSumFn plane_sum);

  // Empty when sums over `length` elements are exact in int32, else what is wrong.
  static std::string problem(const InputCode& input, const WeightCode& code, std::int64_t length);

  bool plain() const { return shift_ == 0 && sign_ == 1 && constant_ == 0 && pairs_.size() == 1; }
  bool has_offsets() const { return offsets_.size() != 0; }
  bool has_rows() const { return constant_ != 0; }
  std::int64_t pair_count() const { return static_cast<std::int64_t>(pairs_.size()); }

  // What the kernel takes for the number of real elements: each pair of planes counts 2^(p + s_q)
  // times.
  std::int64_t valid(std::int64_t elements) const { return elements * factor(pairs_); }
  std::int64_t row_valid(std::int64_t elements) const { return elements * factor(row_pairs_); }

  // Repeats `count` segments of plane 0 for every pair of planes, which lie input_plane and
  // weight_plane apart. `segments` has room for pair_count() times as many. Returns their number.
  int spread(Segment* segments, int count, std::ptrdiff_t input_plane,
             std::ptrdiff_t weight_plane) const {
    return spread(pairs_, segments, count, input_plane, weight_plane);
  }
  // The same for the row sums, whose weights are all +1.
  int spread_rows(Segment* segments, int count, std::ptrdiff_t input_plane) const {
    return spread(row_pairs_, segments, count, input_plane, 0);
  }

  // offset[output] of outputs [first, first + count) for the real taps of a window.
  void offsets(const WindowTaps& taps, std::int64_t first, std::int64_t count,
               std::int32_t* out) const;

  // The layer's integers from a tile of the kernel's sums, in place. `offsets`: of the tile's
  // channels, 64-byte aligned, unused without has_offsets(). `row_sums`: the kernel's sums for
  // weights of +1, one per row at distance row_stride; overwritten; unused without has_rows().
  void finish(std::int32_t* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
              std::ptrdiff_t channels, const std::int32_t* offsets, std::int32_t* row_sums,
              std::ptrdiff_t row_stride) const;

  std::size_t bytes() const { return offsets_.bytes(); }

 private:
  struct Pair {
    int input;     // plane
    int weight;    // plane
    int exponent;  // p + s_q
  };
  std::int32_t* entry(std::int64_t plane, std::int64_t row, std::int64_t column) {
    return offsets_.data() + ((plane * rows_ + row) * columns_ + column) * padded_;
  }
  const std::int32_t* entry(std::int64_t plane, std::int64_t row, std::int64_t column) const {
    return offsets_.data() + ((plane * rows_ + row) * columns_ + column) * padded_;
  }
  static std::int64_t factor(const std::vector<Pair>& pairs);
  static int spread(const std::vector<Pair>& pairs, Segment* segments, int count,
                    std::ptrdiff_t input_plane, std::ptrdiff_t weight_plane);

  std::vector<Pair> pairs_{{0, 0, 0}};  // largest exponent first
  std::vector<Pair> row_pairs_;
  int sign_ = 1;               // f
  int shift_ = 0;              // g·h = 2^shift
  std::int32_t constant_ = 0;  // f·c
  std::int64_t rows_ = 0;      // of the table of offsets
  std::int64_t columns_ = 0;
  std::int64_t padded_ = 0;  // outputs of a table entry
  // Offsets of the first i tap rows by j tap columns of a tap plane: [kd][kh + 1][kw + 1][padded].
  // The real taps of a plane are a rectangle, hence a sum of four entries.
  AlignedArray<std::int32_t> offsets_;
  PlaneSumFn plane_sum_ = nullptr;
};

}  // namespace bnn
