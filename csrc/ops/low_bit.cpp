#include "ops/low_bit.h"

#include <algorithm>
#include <bit>

#include "base/bits.h"
#include "ops/epilogue_operands.h"

namespace bnn {

namespace {

// A mask is not summed.
int summed_planes(const InputCode& input) { return input.digits == 0 ? 1 : input.digits; }

}  // namespace

std::string InputCode::problem() const {
  if (digits < 0 || digits > kMaxPlanes || (digits != 0 && ternary)) {
    return "input of " + std::to_string(digits) + " binary digits";
  }
  if (zero < 0 || zero >= 1 << digits || (zero != 0 && odd)) {
    return "input of " + std::to_string(digits) + " binary digits whose zero is level " +
           std::to_string(zero);
  }
  return {};
}

std::optional<unsigned> InputCode::bits_of(int value) const {
  if (ternary) {
    if (value < -1 || value > 1) return {};
    return (value < 0 ? 1u : 0u) | (value != 0 ? 2u : 0u);
  }
  if (digits == 0) {
    if (value != 1 && value != -1) return {};
    return value < 0 ? 1u : 0u;
  }
  const int top = (1 << digits) - 1;
  const int level = odd ? (value + top) / 2 : value + zero;
  if (level < 0 || level > top || (odd && 2 * level - top != value)) return {};
  return static_cast<unsigned>(level);
}

PlaneSums::PlaneSums(const InputCode& input, const WeightCode& code,
                     std::span<const std::uint64_t> weights, std::int64_t outputs,
                     const Window& window, std::int64_t elements, PlaneSumFn plane_sum)
    : sign_(input.digits == 0 ? 1 : -1),
      shift_(input.halvings() + (code.halved ? 1 : 0)),
      constant_(sign_ * code.constant),
      plane_sum_(plane_sum) {
  pairs_.clear();
  const int weight_planes = static_cast<int>(code.shifts.size());
  for (int p = 0; p < summed_planes(input); ++p) {
    row_pairs_.push_back({p, 0, p});
    for (int q = 0; q < weight_planes; ++q) {
      pairs_.push_back({p, q, p + code.shifts[static_cast<std::size_t>(q)]});
    }
  }
  for (std::vector<Pair>* pairs : {&pairs_, &row_pairs_}) {
    std::stable_sort(pairs->begin(), pairs->end(),
                     [](const Pair& a, const Pair& b) { return a.exponent > b.exponent; });
  }
  if (input.digits == 0 || input.offset() == 0) return;

  rows_ = window.h.kernel + 1;
  columns_ = window.w.kernel + 1;
  padded_ = round_up(outputs, kOperandBlock);
  offsets_ = AlignedArray<std::int32_t>(
      static_cast<std::size_t>(window.d.kernel * rows_ * columns_ * padded_));
  const std::int64_t words =
      static_cast<std::int64_t>(weights.size()) / (weight_planes * outputs * window.taps());
  const std::int32_t x0 = input.offset();
  const std::uint64_t* source = weights.data();
  for (int q = 0; q < weight_planes; ++q) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t z = 0; z < window.d.kernel; ++z) {
        for (std::int64_t y = 1; y < rows_; ++y) {
          for (std::int64_t x = 1; x < columns_; ++x) {
            std::int64_t sum = elements;
            for (std::int64_t i = 0; i < words; ++i) sum -= 2 * std::popcount(*source++);
            sum <<= code.shifts[static_cast<std::size_t>(q)];
            if (q == 0) sum += elements * code.constant;
            entry(z, y, x)[o] += x0 * static_cast<std::int32_t>(sum);
          }
        }
      }
    }
  }
  // Prefix sums along rows and columns.
  for (std::int64_t z = 0; z < window.d.kernel; ++z) {
    for (std::int64_t y = 1; y < rows_; ++y) {
      for (std::int64_t x = 1; x < columns_; ++x) {
        std::int32_t* sum = entry(z, y, x);
        const std::int32_t* above = entry(z, y - 1, x);
        const std::int32_t* left = entry(z, y, x - 1);
        const std::int32_t* both = entry(z, y - 1, x - 1);
        for (std::int64_t o = 0; o < padded_; ++o) sum[o] += above[o] + left[o] - both[o];
      }
    }
  }
}

std::string PlaneSums::problem(const InputCode& input, const WeightCode& code,
                               std::int64_t length) {
  if (std::string wrong = input.problem(); !wrong.empty()) return wrong;
  if (code.shifts.empty() || code.shifts.size() > static_cast<std::size_t>(kMaxPlanes)) {
    return "weights of " + std::to_string(code.shifts.size()) + " planes";
  }
  std::int64_t weight_sum = 0;
  for (const int shift : code.shifts) {
    if (shift < 0 || shift >= kMaxPlanes) return "a weight plane times 2^" + std::to_string(shift);
    weight_sum += std::int64_t{1} << shift;
  }
  if (*std::min_element(code.shifts.begin(), code.shifts.end()) != 0) {
    return "weights that are all even";
  }
  if (std::abs(std::int64_t{code.constant}) > 1 << kMaxPlanes) {
    return "a weight constant of " + std::to_string(code.constant);
  }
  // Bounds the kernel's sum, the offset and the row term, hence all that is added up.
  const std::int64_t input_sum = (std::int64_t{1} << summed_planes(input)) - 1;
  const std::int64_t most = (weight_sum + std::abs(std::int64_t{code.constant})) * input_sum;
  if (most * length >= std::int64_t{1} << 30) {
    return "sums of " + std::to_string(length) + " products that exceed 30 bits";
  }
  return {};
}

std::int64_t PlaneSums::factor(const std::vector<Pair>& pairs) {
  std::int64_t sum = 0;
  for (const Pair& pair : pairs) sum += std::int64_t{1} << pair.exponent;
  return sum;
}

int PlaneSums::spread(const std::vector<Pair>& pairs, Segment* segments, int count,
                      std::ptrdiff_t input_plane, std::ptrdiff_t weight_plane) {
  // Backwards: the first pair's segments overwrite those of plane 0, from which all are made.
  for (std::size_t i = pairs.size(); i-- > 0;) {
    Segment* out = segments + static_cast<std::ptrdiff_t>(i) * count;
    for (int s = 0; s < count; ++s) {
      out[s] = segments[s];
      out[s].input += pairs[i].input * input_plane;
      out[s].weight += pairs[i].weight * weight_plane;
      out[s].doublings = s == 0 && i > 0 ? pairs[i - 1].exponent - pairs[i].exponent : 0;
    }
  }
  return static_cast<int>(pairs.size()) * count;
}

void PlaneSums::offsets(const WindowTaps& taps, std::int64_t first, std::int64_t count,
                        std::int32_t* out) const {
  std::fill_n(out, count, 0);
  for (std::int64_t z = taps.d.first; z < taps.d.last; ++z) {
    const std::int32_t* last = entry(z, taps.h.last, taps.w.last) + first;
    const std::int32_t* above = entry(z, taps.h.first, taps.w.last) + first;
    const std::int32_t* left = entry(z, taps.h.last, taps.w.first) + first;
    const std::int32_t* both = entry(z, taps.h.first, taps.w.first) + first;
    for (std::int64_t o = 0; o < count; ++o) out[o] += last[o] - above[o] - left[o] + both[o];
  }
}

void PlaneSums::finish(std::int32_t* acc, std::ptrdiff_t acc_stride, std::ptrdiff_t rows,
                       std::ptrdiff_t channels, const std::int32_t* offsets, std::int32_t* row_sums,
                       std::ptrdiff_t row_stride) const {
  if (has_rows()) {
    for (std::ptrdiff_t r = 0; r < rows; ++r) row_sums[r] = constant_ * row_sums[r * row_stride];
  }
  plane_sum_(acc, acc_stride, rows, channels, has_offsets() ? offsets : nullptr,
             has_rows() ? row_sums : nullptr, sign_, shift_);
}

}  // namespace bnn
