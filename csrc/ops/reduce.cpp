#include "ops/reduce.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "ops/element_types.h"
#include "ops/scratch.h"

namespace bnn {
namespace {

// What sums of elements T are taken in: integers wrap around.
template <class T>
struct AccumulatorOf {
  using Number = ArithmeticType<T>;
  using Type =
      std::conditional_t<std::is_floating_point_v<Number>, double,
                         std::conditional_t<std::is_signed_v<Number>, std::int64_t, std::uint64_t>>;
};

template <class A>
A plus(A a, A b) {
  if constexpr (std::is_integral_v<A>) {
    return static_cast<A>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  } else {
    return a + b;
  }
}
template <class A>
A times(A a, A b) {
  if constexpr (std::is_integral_v<A>) {
    return static_cast<A>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  } else {
    return a * b;
  }
}
template <class A>
A magnitude(A a) {
  if constexpr (std::is_integral_v<A>) {
    return a < A{0} ? static_cast<A>(0 - static_cast<std::uint64_t>(a)) : a;
  } else {
    return std::abs(a);
  }
}
template <class A>
bool is_nan(A a) {
  if constexpr (std::is_floating_point_v<A>) return std::isnan(a);
  return false;
}
template <class A>
constexpr A lowest() {
  using Limits = std::numeric_limits<A>;
  return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
}
template <class A>
constexpr A highest() {
  using Limits = std::numeric_limits<A>;
  return Limits::has_infinity ? Limits::infinity() : Limits::max();
}

// A fold: an accumulator starts at start(), takes elements by add(), joins another by merge(), and
// finish() makes the result of `count` elements of it.
template <class A>
struct Fold {
  using Accumulator = A;
  static A finish(A a, std::int64_t /*count*/) { return a; }
};
template <class A>
struct Addition : Fold<A> {
  static A start() { return 0; }
  static A merge(A a, A b) { return plus(a, b); }
};
template <class A>
struct Sum : Addition<A> {
  static A add(A a, A x) { return plus(a, x); }
};
template <class A>
struct Mean : Sum<A> {
  static A finish(A a, std::int64_t count) {
    if constexpr (std::is_integral_v<A>) {
      if (count == 0) return 0;
    }
    return a / static_cast<A>(count);
  }
};
template <class A>
struct LogSum : Sum<A> {
  static double finish(A a, std::int64_t) { return std::log(static_cast<double>(a)); }
};
template <class A>
struct L1 : Addition<A> {
  static A add(A a, A x) { return plus(a, magnitude(x)); }
};
template <class A>
struct SumSquare : Addition<A> {
  static A add(A a, A x) { return plus(a, times(x, x)); }
};
template <class A>
struct L2 : SumSquare<A> {
  static double finish(A a, std::int64_t) { return std::sqrt(static_cast<double>(a)); }
};
template <class A>
struct Prod : Fold<A> {
  static A start() { return 1; }
  static A add(A a, A x) { return times(a, x); }
  static A merge(A a, A b) { return times(a, b); }
};
template <class A>
struct Max : Fold<A> {
  static A start() { return lowest<A>(); }
  static A add(A a, A x) { return x > a || is_nan(x) ? x : a; }
  static A merge(A a, A b) { return add(a, b); }
};
template <class A>
struct Min : Fold<A> {
  static A start() { return highest<A>(); }
  static A add(A a, A x) { return x < a || is_nan(x) ? x : a; }
  static A merge(A a, A b) { return add(a, b); }
};

// Neighbouring axes that are all reduced or all kept, as one.
struct Group {
  std::int64_t extent;
  std::int64_t stride;
};

class Groups {
 public:
  void add(const Group& group) { groups_[static_cast<std::size_t>(count_++)] = group; }
  std::span<const Group> span() const { return {groups_.data(), static_cast<std::size_t>(count_)}; }
  std::int64_t elements() const {
    std::int64_t total = 1;
    for (const Group& group : span()) total *= group.extent;
    return total;
  }

 private:
  std::array<Group, kMaxRank> groups_{};
  int count_ = 0;
};

// body(pointer) for every index of `groups`, row-major.
template <class T, class Body>
void for_each(std::span<const Group> groups, const T* in, const Body& body) {
  if (groups.empty()) return body(in);
  for (std::int64_t i = 0; i < groups.front().extent; ++i, in += groups.front().stride) {
    for_each(groups.subspan(1), in, body);
  }
}

// The walk over a tensor: for each index of `kept`, a line of `width` kept neighbours (1 where the
// innermost axis is reduced), each of which folds the elements at all indices of `reduced` and,
// from there, `run` neighbours.
struct Walk {
  Groups kept;
  Groups reduced;
  std::int64_t width = 1;
  std::int64_t run = 1;

  std::int64_t folded() const { return reduced.elements() * run; }
};

class Reduce final : public Op {
 public:
  Reduce(const std::string& name, Reduction reduction, std::vector<int> axes, bool keep_axes,
         ElementType type)
      : Op(name), reduction_(reduction), keep_axes_(keep_axes), type_(type) {
    if (type == ElementType::bits) bad_model("a reduction of packed bits");
    for (const int axis : axes) {
      if (axis < 0 || axis >= kMaxRank || is_reduced(axis)) {
        bad_model("reduction over axis " + std::to_string(axis) + ", or twice over it");
      }
      reduced_ |= 1U << axis;
    }
  }

  TensorType input_type(std::size_t) const override { return type_; }
  TensorType output_type(std::size_t) const override { return type_; }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (reduced_ >> in.rank() != 0) bad_shape(in.text() + " lacks a reduced axis");
    std::array<std::int64_t, kMaxRank> extents{};
    std::size_t rank = 0;
    for (int axis = 0; axis < in.rank(); ++axis) {
      if (!is_reduced(axis)) {
        extents[rank++] = in[axis];
      } else if (keep_axes_) {
        extents[rank++] = 1;
      }
    }
    return Shape(std::span<const std::int64_t>(extents.data(), rank));
  }

  // Accumulators of a line, and the maxima that LogSumExp takes first.
  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    return 2 * Scratch::bytes<double>(walk_over(inputs[0]).width);
  }

  double cycles(std::span<const Shape> inputs, const Shape&) const override {
    const double each = reduction_ == Reduction::log_sum_exp ? 16.0 : 1.0;
    return static_cast<double>(inputs[0].elements()) * each;
  }

  void run(const OpContext& context) const override {
    visit_element(type_, [&]<class T>(std::type_identity<T>) { run_on<T>(context); });
  }

 private:
  bool is_reduced(int axis) const { return (reduced_ >> axis & 1U) != 0; }

  Walk walk_over(const Shape& in) const {
    std::array<Group, kMaxRank> groups{};
    std::array<bool, kMaxRank> reduced{};
    std::size_t count = 0;
    std::int64_t stride = 1;
    for (int axis = in.rank() - 1; axis >= 0; --axis) {
      if (in[axis] == 1) continue;
      if (count > 0 && reduced[count - 1] == is_reduced(axis)) {
        groups[count - 1].extent *= in[axis];
      } else {
        groups[count] = {in[axis], stride};
        reduced[count++] = is_reduced(axis);
      }
      stride *= in[axis];
    }
    Walk walk;
    if (count > 0) (reduced[0] ? walk.run : walk.width) = groups[0].extent;
    for (std::size_t g = count; g-- > 1;) (reduced[g] ? walk.reduced : walk.kept).add(groups[g]);
    return walk;
  }

  template <class T>
  void run_on(const OpContext& context) const {
    using A = typename AccumulatorOf<T>::Type;
    switch (reduction_) {
      case Reduction::sum:
        return reduce<Sum<A>, T>(context);
      case Reduction::mean:
        return reduce<Mean<A>, T>(context);
      case Reduction::max:
        return reduce<Max<A>, T>(context);
      case Reduction::min:
        return reduce<Min<A>, T>(context);
      case Reduction::prod:
        return reduce<Prod<A>, T>(context);
      case Reduction::l1:
        return reduce<L1<A>, T>(context);
      case Reduction::l2:
        return reduce<L2<A>, T>(context);
      case Reduction::log_sum:
        return reduce<LogSum<A>, T>(context);
      case Reduction::sum_square:
        return reduce<SumSquare<A>, T>(context);
      case Reduction::log_sum_exp:
        return reduce_exponentials<T>(context);
    }
  }

  // Folds what lies under the line at `in` to `line`; `of(x, j)` is what element j's fold takes of
  // element x.
  template <class F, class T, class Of>
  static void fold_line(const Walk& walk, const T* in, typename F::Accumulator* line,
                        const Of& of) {
    using A = typename F::Accumulator;
    std::fill_n(line, walk.width, F::start());
    if (walk.run == 1) {
      for_each(walk.reduced.span(), in, [&](const T* x) {
        for (std::int64_t j = 0; j < walk.width; ++j) line[j] = F::add(line[j], of(x[j], j));
      });
      return;
    }
    constexpr std::int64_t kLanes = 8;  // chains that do not wait for each other
    std::array<A, kLanes> lanes;
    lanes.fill(F::start());
    for_each(walk.reduced.span(), in, [&](const T* x) {
      std::int64_t i = 0;
      for (; i + kLanes <= walk.run; i += kLanes) {
        for (std::int64_t l = 0; l < kLanes; ++l) {
          A& lane = lanes[static_cast<std::size_t>(l)];
          lane = F::add(lane, of(x[i + l], 0));
        }
      }
      for (; i < walk.run; ++i) lanes[0] = F::add(lanes[0], of(x[i], 0));
    });
    for (const A lane : lanes) line[0] = F::merge(line[0], lane);
  }

  // Results of integers that are no integers (logarithms, roots) are cut; what no 64-bit integer
  // holds becomes 0.
  template <class T, class Number>
  static T stored_as(Number number) {
    using Target = ArithmeticType<T>;
    if constexpr (std::is_floating_point_v<Number> && !std::is_floating_point_v<Target>) {
      const bool fits = number > -0x1p63 && number < 0x1p63;
      const std::int64_t whole = fits ? static_cast<std::int64_t>(number) : 0;
      return Arithmetic<T>::store(static_cast<Target>(whole));
    } else {
      return Arithmetic<T>::store(static_cast<Target>(number));
    }
  }

  template <class F, class T>
  void reduce(const OpContext& context) const {
    using A = typename F::Accumulator;
    const TensorView& in = context.input(0);
    const Walk walk = walk_over(in.shape);
    auto* line = reinterpret_cast<A*>(context.scratch);
    T* out = context.output().as<T>();
    const std::int64_t count = walk.folded();
    for_each(walk.kept.span(), in.as<T>(), [&](const T* x) {
      fold_line<F>(walk, x, line, [](T element, std::int64_t) {
        return static_cast<A>(Arithmetic<T>::load(element));
      });
      for (std::int64_t j = 0; j < walk.width; ++j) {
        *out++ = stored_as<T>(F::finish(line[j], count));
      }
    });
  }

  // log Σ exp(x) = m + log Σ exp(x − m), in which nothing overflows for the maximum m.
  template <class T>
  void reduce_exponentials(const OpContext& context) const {
    const TensorView& in = context.input(0);
    const Walk walk = walk_over(in.shape);
    Scratch scratch(context.scratch);
    auto* top = scratch.take<double>(walk.width);
    auto* line = scratch.take<double>(walk.width);
    T* out = context.output().as<T>();
    const auto number = [](T element) { return static_cast<double>(Arithmetic<T>::load(element)); };
    for_each(walk.kept.span(), in.as<T>(), [&](const T* x) {
      fold_line<Max<double>>(walk, x, top,
                             [&](T element, std::int64_t) { return number(element); });
      for (std::int64_t j = 0; j < walk.width; ++j) top[j] = std::isfinite(top[j]) ? top[j] : 0.0;
      fold_line<Sum<double>>(walk, x, line, [&](T element, std::int64_t j) {
        return std::exp(number(element) - top[j]);
      });
      for (std::int64_t j = 0; j < walk.width; ++j) {
        *out++ = stored_as<T>(top[j] + std::log(line[j]));
      }
    });
  }

  Reduction reduction_;
  bool keep_axes_;
  ElementType type_;
  unsigned reduced_ = 0;  // bit per axis
};

}  // namespace

Reduction reduction_of(std::string_view op_type) {
  constexpr std::pair<std::string_view, Reduction> kNames[] = {
      {"ReduceSum", Reduction::sum},
      {"ReduceMean", Reduction::mean},
      {"ReduceMax", Reduction::max},
      {"ReduceMin", Reduction::min},
      {"ReduceProd", Reduction::prod},
      {"ReduceL1", Reduction::l1},
      {"ReduceL2", Reduction::l2},
      {"ReduceLogSum", Reduction::log_sum},
      {"ReduceLogSumExp", Reduction::log_sum_exp},
      {"ReduceSumSquare", Reduction::sum_square}};
  for (const auto& [name, reduction] : kNames) {
    if (name == op_type) return reduction;
  }
  throw ModelFormatError("unknown reduction '" + std::string(op_type) + "'");
}

std::unique_ptr<Op> make_reduce(const std::string& name, Reduction reduction, std::vector<int> axes,
                                bool keep_axes, ElementType type) {
  return std::make_unique<Reduce>(name, reduction, std::move(axes), keep_axes, type);
}

}  // namespace bnn
