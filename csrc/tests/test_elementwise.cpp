// Broadcasting against index arithmetic, 16-bit floats against their definition, casts.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "ops/cast.h"
#include "ops/element_types.h"
#include "ops/elementwise.h"
#include "runtime/program.h"
#include "runtime_tests.h"

namespace bnn::test {
namespace {

constexpr ElementType kTypes[] = {
    ElementType::f32, ElementType::f64, ElementType::f16,    ElementType::bf16, ElementType::i8,
    ElementType::u8,  ElementType::i16, ElementType::u16,    ElementType::i32,  ElementType::u32,
    ElementType::i64, ElementType::u64, ElementType::boolean};

// Operands of which some lack leading axes and some have extents of 1.
std::vector<Shape> broadcastable(Random& random, std::size_t count) {
  const int rank = static_cast<int>(random.between(0, kMaxRank));
  std::vector<std::int64_t> whole(index(rank));
  for (std::int64_t& extent : whole) {
    extent = random.one_in(12) ? 0 : random.between(1, rank < 3 ? 30 : 4);
  }
  // Longer than the blocks in which 16-bit floats are widened.
  if (rank > 0 && random.one_in(4)) whole.back() = random.between(250, 530);
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto first = whole.begin() + random.between(0, rank);
    std::vector<std::int64_t> own(random.one_in(2) ? whole.begin() : first, whole.end());
    for (std::int64_t& extent : own) {
      if (random.one_in(4)) extent = 1;
    }
    shapes.emplace_back(std::span<const std::int64_t>(own));
  }
  return shapes;
}

// Offset in an operand of `shape` of the element that meets element `at` of `result`.
std::size_t offset_of(std::int64_t at, const Shape& result, const Shape& shape) {
  std::int64_t offset = 0, stride = 1;
  for (int axis = result.rank() - 1; axis >= 0; --axis) {
    const std::int64_t position = at % result[axis];
    at /= result[axis];
    const int own = axis - (result.rank() - shape.rank());
    if (own < 0) continue;
    if (shape[own] != 1) offset += position * stride;
    stride *= shape[own];
  }
  return index(offset);
}

// The result of an op on arrays that end or begin at unmapped pages. Constants are copied.
template <class Result>
std::vector<Result> run_op(std::unique_ptr<Op> op, const std::vector<Shape>& shapes,
                           const std::vector<std::vector<std::byte>>& data, Random& random) {
  ProgramBuilder builder;
  std::vector<int> values(shapes.size(), -1);
  std::vector<Shape> given;
  std::vector<std::unique_ptr<GuardedArray<std::byte>>> arrays;
  std::vector<const void*> sources;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (i > 0 && random.one_in(3)) continue;
    const ElementType type = op->input_type(i).element;
    values[i] = builder.add_input("x", shapes[i], type);
    given.push_back(shapes[i]);
    arrays.push_back(std::make_unique<GuardedArray<std::byte>>(data[i].size(), random.placement(),
                                                               element_bytes(type)));
    std::copy(data[i].begin(), data[i].end(), arrays.back()->data());
    sources.push_back(arrays.back()->data());
  }
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (values[i] < 0) {
      values[i] = builder.add_constant(op->input_type(i).element, shapes[i], data[i]);
    }
  }
  const auto program = builder.finish({builder.add_op(std::move(op), values)}, false, 1);
  const Shape shape = program->output_shapes(given)[0];
  GuardedArray<Result> result(index(shape.elements()), random.placement());
  const std::array<void*, 1> targets{result.data()};
  require(program->run(given, sources, targets), "gave up without a NaN");
  require(result.untouched(), "bytes beside the result were written");
  return {result.data(), result.data() + result.size()};
}

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& numbers) {
  std::vector<std::byte> bytes(numbers.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

template <class T>
std::vector<T> drawn(const Shape& shape, Random& random) {
  std::vector<T> numbers(index(shape.elements()));
  for (T& number : numbers) {
    if constexpr (std::is_same_v<T, F16>) {
      number = to_f16(random.real());
    } else if constexpr (std::is_same_v<T, Bool>) {
      number = {random.one_in(2)};
    } else {
      number = static_cast<T>(random.bits());
    }
  }
  return numbers;
}

// `expected(operands...)` for every element of the broadcast result of two operands T.
template <class T, class Result, class Expected>
void check_binary(std::unique_ptr<Op> op, Random& random, const Expected& expected) {
  const std::vector<Shape> shapes = broadcastable(random, 2);
  const std::vector<T> a = drawn<T>(shapes[0], random), b = drawn<T>(shapes[1], random);
  const Shape shape = *broadcast_shape(shapes);
  const std::vector<Result> got =
      run_op<Result>(std::move(op), shapes, {bytes_of(a), bytes_of(b)}, random);
  require(got.size() == index(shape.elements()), "wrong size");
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const Result wanted =
        expected(a[offset_of(at, shape, shapes[0])], b[offset_of(at, shape, shapes[1])]);
    require(std::memcmp(&got[i], &wanted, sizeof(Result)) == 0, "wrong element ", i, " of ", shape,
            " from ", shapes[0], " and ", shapes[1]);
  }
}

void check_where(Random& random) {
  const std::vector<Shape> shapes = broadcastable(random, 3);
  const std::vector<Bool> condition = drawn<Bool>(shapes[0], random);
  const std::vector<std::uint64_t> x = drawn<std::uint64_t>(shapes[1], random);
  const std::vector<std::uint64_t> y = drawn<std::uint64_t>(shapes[2], random);
  const Shape shape = *broadcast_shape(shapes);
  const std::vector<std::uint64_t> got =
      run_op<std::uint64_t>(make_where("where", ElementType::u64), shapes,
                            {bytes_of(condition), bytes_of(x), bytes_of(y)}, random);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const bool chosen = condition[offset_of(at, shape, shapes[0])].byte != 0;
    const std::uint64_t wanted =
        chosen ? x[offset_of(at, shape, shapes[1])] : y[offset_of(at, shape, shapes[2])];
    require(got[i] == wanted, "wrong element of Where of shape ", shape);
  }
}

// One of the numbers of `Half` between whose neighbours `x` lies, and the even one at ties.
template <class Half>
void check_rounding(float x, Half rounded) {
  if (std::isnan(x)) return require(std::isnan(to_float(rounded)), "NaN became a number");
  const double value = to_float(rounded);
  const auto neighbour = [&](int step) {
    const auto bits = static_cast<std::uint16_t>(rounded.bits + step);
    return static_cast<double>(to_float(Half{bits}));
  };
  require(std::signbit(x) == std::signbit(value), "rounding changes the sign");
  // The infinities stand for the number that would follow the largest.
  const auto finite = [](double number) {
    const double next = std::is_same_v<Half, F16> ? 0x1p16 : 0x1p128;
    return std::isinf(number) ? std::copysign(next, number) : number;
  };
  const double own = std::fabs(finite(value) - finite(x));
  for (const int step : {-1, 1}) {
    if (step < 0 ? (rounded.bits & 0x7FFFu) == 0 : std::isinf(value)) continue;
    const double other = std::fabs(finite(neighbour(step)) - finite(x));
    require(own < other || (own == other && rounded.bits % 2 == 0), "not rounded to nearest even");
  }
}

// The element that a cast of `x` from type `from` gives.
template <class Target, class Source>
Target cast_of(Source x, ElementType from, ElementType to) {
  ProgramBuilder builder;
  const int value = builder.add_input("x", Shape{}, from);
  const auto program =
      builder.finish({builder.add_op(make_cast("cast", from, to), {value})}, false, 1);
  const std::array<Shape, 1> shapes{Shape{}};
  const std::array<const void*, 1> sources{&x};
  Target result{};
  const std::array<void*, 1> targets{&result};
  require(program->run(shapes, sources, targets), "gave up without a NaN");
  return result;
}

}  // namespace

void check_elementwise(Random& random) {
  check_binary<std::int32_t, std::int32_t>(
      make_binary("add", "Add", ElementType::i32), random, [](std::int32_t a, std::int32_t b) {
        return static_cast<std::int32_t>(std::int64_t{a} + std::int64_t{b});
      });
  check_binary<std::int16_t, std::int16_t>(
      make_binary("div", "Div", ElementType::i16), random, [](std::int16_t a, std::int16_t b) {
        return static_cast<std::int16_t>(b == 0 ? 0 : int{a} / int{b});
      });
  check_binary<F16, F16>(make_binary("mul", "Mul", ElementType::f16), random,
                         [](F16 a, F16 b) { return to_f16(to_float(a) * to_float(b)); });
  check_binary<F16, Bool>(make_comparison("less", "Less", ElementType::f16), random,
                          [](F16 a, F16 b) { return Bool{to_float(a) < to_float(b)}; });
  check_binary<Bool, Bool>(
      make_binary("xor", "Xor", ElementType::boolean), random,
      [](Bool a, Bool b) { return Bool{static_cast<std::uint8_t>(a.byte ^ b.byte)}; });
  check_where(random);
}

void check_half_floats(Random& random) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const F16 half{static_cast<std::uint16_t>(bits)};
    const BF16 brain{static_cast<std::uint16_t>(bits)};
    if (!std::isnan(to_float(half))) {
      require(to_f16(to_float(half)).bits == bits, "binary16 ", bits, " changes on the way");
    }
    if (!std::isnan(to_float(brain))) {
      require(to_bf16(to_float(brain)).bits == bits, "bfloat16 ", bits, " changes on the way");
    }
  }
  require(to_float(F16{0x3C00}) == 1.0f && to_float(F16{0x0001}) == 0x1p-24f &&
              to_float(F16{0xFBFF}) == -65504.0f && to_float(BF16{0x3F80}) == 1.0f,
          "wrong number");
  for (int i = 0; i < 100'000; ++i) {
    const auto any = std::bit_cast<float>(static_cast<std::uint32_t>(random.bits()));
    const float near = std::ldexp(random.unit(), static_cast<int>(random.between(-26, 17)));
    // Half-way between two numbers, or one bit beside.
    const std::uint32_t upper = static_cast<std::uint32_t>(random.bits()) & 0xFFFFE000u;
    const auto tie =
        std::bit_cast<float>(upper + 0x1000u + static_cast<std::uint32_t>(random.between(-1, 1)));
    for (const float x : {any, near, tie}) {
      check_rounding(x, to_f16(x));
      check_rounding(x, to_bf16(x));
    }
  }
}

void check_casts() {
  using Limits32 = std::numeric_limits<std::int32_t>;
  using Limits64 = std::numeric_limits<std::int64_t>;
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const auto to_i32 = [](float x) {
    return cast_of<std::int32_t>(x, ElementType::f32, ElementType::i32);
  };
  require(to_i32(-0x1p31f) == Limits32::min() && to_i32(0x1.fffffep30f) == 0x7FFFFF80 &&
              to_i32(-1.75f) == -1,
          "wrong int32 of a float");
  for (const float outside : {0x1p31f, -0x1.000002p31f, kInf, -kInf, kNan}) {
    require(to_i32(outside) == Limits32::min(), "int32 of ", outside);
  }
  const auto to_u64 = [](double x) {
    return cast_of<std::uint64_t>(x, ElementType::f64, ElementType::u64);
  };
  require(to_u64(0x1p63) == std::uint64_t{1} << 63 && to_u64(-1) == ~std::uint64_t{0} &&
              to_u64(0x1.fffffffffffffp63) == 0xFFFFFFFFFFFFF800u,
          "wrong uint64 of a float");
  require(cast_of<std::int64_t>(0x1p63, ElementType::f64, ElementType::i64) == Limits64::min(),
          "wrong int64 of a float");
  require(cast_of<std::uint8_t>(-1.5f, ElementType::f32, ElementType::u8) == 255 &&
              cast_of<std::int8_t>(std::int16_t{200}, ElementType::i16, ElementType::i8) == -56,
          "integers do not wrap");
  require(cast_of<Bool>(kNan, ElementType::f32, ElementType::boolean).byte == 1 &&
              cast_of<Bool>(-0.0f, ElementType::f32, ElementType::boolean).byte == 0,
          "wrong truth");
  // No pair of types goes wrong on numbers that the target cannot hold.
  for (const ElementType from : kTypes) {
    for (const ElementType to : kTypes) {
      cast_of<std::uint64_t>(~std::uint64_t{0} >> 2, from, to);
      cast_of<std::uint64_t>(std::bit_cast<std::uint64_t>(-0x1.8p1000), from, to);
    }
  }
}

}  // namespace bnn::test
