#include <deque>
#include <vector>

#include "family_tests.h"
#include "guarded_array.h"

namespace bnn::test {
namespace {

float draw(Random& random, float) { return random.one_in(4) ? random.special() : random.real(); }
std::int32_t draw(Random& random, std::int32_t) {
  return random.one_in(2) ? static_cast<std::int32_t>(random.bits())
                          : static_cast<std::int32_t>(random.between(-5000, 5000));
}

float apply(EpilogueKind kind, float y, float operand) {
  switch (kind) {
    case EpilogueKind::add:
      return y + operand;
    case EpilogueKind::mul:
      return y * operand;
    case EpilogueKind::div:
      return y / operand;
    case EpilogueKind::max:
      return y < operand ? operand : y;
    case EpilogueKind::min:
      return y > operand ? operand : y;
  }
  throw Failure("unknown epilogue step");
}

template <class T, class Fn>
void check(const Variant<Fn>& variant, Random& random) {
  const std::ptrdiff_t channels = random.one_in(2)
                                      ? random.pick<std::ptrdiff_t>({1, 7, 8, 9, 15, 16, 17, 31, 32,
                                                                     33, 63, 64, 65, 127, 128, 129})
                                      : random.between(1, 200);
  const std::ptrdiff_t rows = random.between(1, 9);
  const std::ptrdiff_t acc_stride = channels + random.between(0, 20);
  const bool in_place = std::is_same_v<T, float> && random.one_in(3);
  const std::ptrdiff_t out_stride = in_place ? acc_stride : channels + random.between(0, 20);

  std::deque<GuardedArray<float>> operands;
  std::vector<EpilogueStep> steps;
  for (std::ptrdiff_t i = random.between(0, 5); i > 0; --i) {
    const GuardedArray<float>& operand =
        operands.emplace_back(index(round_up(channels, 16)), random.placement(), std::size_t{64});
    for (float& value : operand.span()) value = draw(random, 0.0f);
    steps.push_back({random.pick({EpilogueKind::add, EpilogueKind::mul, EpilogueKind::div,
                                  EpilogueKind::max, EpilogueKind::min}),
                     operand.data()});
  }
  const GuardedArray<T> acc(index((rows - 1) * acc_stride + channels), random.placement());
  const GuardedArray<float> separate_out(index((rows - 1) * out_stride + channels),
                                         random.placement());
  for (std::ptrdiff_t p = 0; p < rows; ++p) {
    for (std::ptrdiff_t c = 0; c < channels; ++c)
      acc[index(p * acc_stride + c)] = draw(random, T{});
  }
  const std::vector<T> before(acc.span().begin(), acc.span().end());
  float* out = separate_out.data();
  if constexpr (std::is_same_v<T, float>) {
    if (in_place) out = acc.data();
  }

  variant.run(acc.data(), acc_stride, rows, channels, steps.data(), static_cast<int>(steps.size()),
              out, out_stride);

  const std::string shape = "rows " + std::to_string(rows) + ", channels " +
                            std::to_string(channels) + ", steps " + std::to_string(steps.size());
  for (std::ptrdiff_t p = 0; p < rows; ++p) {
    for (std::ptrdiff_t c = 0; c < channels; ++c) {
      float expected = static_cast<float>(before[index(p * acc_stride + c)]);
      for (const EpilogueStep& step : steps) expected = apply(step.kind, expected, step.operand[c]);
      const float found = out[p * out_stride + c];
      require(same_float(found, expected), found, " instead of ", expected, " at row ", p,
              ", channel ", c, ": ", shape);
    }
    for (std::ptrdiff_t c = channels; c < out_stride && p + 1 < rows; ++c) {
      const std::size_t i = index(p * out_stride + c);
      bool intact = separate_out.is_canary(i);
      if (in_place) intact = acc.is_canary(i);
      require(intact, "wrote between rows: ", shape);
    }
  }
  require(separate_out.untouched() && acc.untouched(), "wrote outside: ", shape);
}

}  // namespace

void check_epilogue_f32(const Variant<EpilogueF32Fn>& variant, Random& random) {
  check<float>(variant, random);
}
void check_epilogue_i32(const Variant<EpilogueI32Fn>& variant, Random& random) {
  check<std::int32_t>(variant, random);
}

}  // namespace bnn::test
