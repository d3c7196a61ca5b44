#include <string>
#include <vector>

#include "family_tests.h"
#include "guarded_array.h"

namespace bnn::test {

void check_plane_sum(const Variant<PlaneSumFn>& variant, Random& random) {
  const std::ptrdiff_t channels = channels_near_edges(random);
  const std::ptrdiff_t rows = random.between(1, 9);
  const std::ptrdiff_t acc_stride = channels + random.between(0, 20);
  const int sign = random.pick({1, -1});
  const int shift = static_cast<int>(random.between(0, 8));
  const bool has_offset = !random.one_in(4);
  const bool has_row = !random.one_in(4);
  constexpr std::ptrdiff_t kLargest = (std::ptrdiff_t{1} << 31) / 3;  // three of them fit
  const auto draw = [&random] {
    const std::ptrdiff_t most = random.one_in(2) ? kLargest : 5000;
    return static_cast<std::int32_t>(random.between(-most, most));
  };
  const GuardedArray<std::int32_t> offset(index(round_up(channels, 16)), random.placement(), 64);
  const GuardedArray<std::int32_t> row(index(rows), random.placement());
  const GuardedArray<std::int32_t> acc(index((rows - 1) * acc_stride + channels),
                                       random.placement());
  for (std::int32_t& value : offset.span()) value = draw();
  for (std::int32_t& value : row.span()) value = draw();
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    for (std::ptrdiff_t c = 0; c < channels; ++c) acc[index(r * acc_stride + c)] = draw();
  }
  const std::vector<std::int32_t> before(acc.span().begin(), acc.span().end());

  variant.run(acc.data(), acc_stride, rows, channels, has_offset ? offset.data() : nullptr,
              has_row ? row.data() : nullptr, sign, shift);

  const std::string shape = "rows " + std::to_string(rows) + ", channels " +
                            std::to_string(channels) + ", sign " + std::to_string(sign) +
                            ", shift " + std::to_string(shift);
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    for (std::ptrdiff_t c = 0; c < channels; ++c) {
      const std::size_t i = index(r * acc_stride + c);
      std::int64_t expected = sign * std::int64_t{before[i]};
      if (has_offset) expected += offset[index(c)];
      if (has_row) expected += row[index(r)];
      expected >>= shift;
      require(acc[i] == expected, acc[i], " instead of ", expected, " at row ", r, ", channel ", c,
              ": ", shape);
    }
    for (std::ptrdiff_t c = channels; c < acc_stride && r + 1 < rows; ++c) {
      require(acc.is_canary(index(r * acc_stride + c)), "wrote between rows: ", shape);
    }
  }
  require(acc.untouched(), "wrote outside: ", shape);
}

}  // namespace bnn::test
