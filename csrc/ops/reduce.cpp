#include "ops/reduce.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "ops/scratch.h"

namespace bnn {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A fold: an accumulator `start`s, takes elements by add(), joins another by merge(), and finish()
// makes the result of `count` elements of it.
struct Fold {
  static double finish(double a, std::int64_t /*count*/) { return a; }
};
struct Addition : Fold {
  static constexpr double start = 0;
  static double merge(double a, double b) { return a + b; }
};
struct Sum : Addition {
  static double add(double a, double x) { return a + x; }
};
struct Mean : Sum {
  static double finish(double a, std::int64_t count) { return a / static_cast<double>(count); }
};
struct LogSum : Sum {
  static double finish(double a, std::int64_t) { return std::log(a); }
};
struct L1 : Addition {
  static double add(double a, double x) { return a + std::abs(x); }
};
struct SumSquare : Addition {
  static double add(double a, double x) { return a + x * x; }
};
struct L2 : SumSquare {
  static double finish(double a, std::int64_t) { return std::sqrt(a); }
};
struct Prod : Fold {
  static constexpr double start = 1;
  static double add(double a, double x) { return a * x; }
  static double merge(double a, double b) { return a * b; }
};
struct Max : Fold {
  static constexpr double start = -kInfinity;
  static double add(double a, double x) { return x > a || std::isnan(x) ? x : a; }
  static double merge(double a, double b) { return add(a, b); }
};
struct Min : Fold {
  static constexpr double start = kInfinity;
  static double add(double a, double x) { return x < a || std::isnan(x) ? x : a; }
  static double merge(double a, double b) { return add(a, b); }
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
template <class Body>
void for_each(std::span<const Group> groups, const float* in, const Body& body) {
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
  Reduce(const std::string& name, Reduction reduction, std::vector<int> axes, bool keep_axes)
      : Op(name), reduction_(reduction), keep_axes_(keep_axes) {
    for (const int axis : axes) {
      if (axis < 0 || axis >= kMaxRank || is_reduced(axis)) {
        bad_model("reduction over axis " + std::to_string(axis) + ", or twice over it");
      }
      reduced_ |= 1U << axis;
    }
  }

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
    switch (reduction_) {
      case Reduction::sum:
        return reduce<Sum>(context);
      case Reduction::mean:
        return reduce<Mean>(context);
      case Reduction::max:
        return reduce<Max>(context);
      case Reduction::min:
        return reduce<Min>(context);
      case Reduction::prod:
        return reduce<Prod>(context);
      case Reduction::l1:
        return reduce<L1>(context);
      case Reduction::l2:
        return reduce<L2>(context);
      case Reduction::log_sum:
        return reduce<LogSum>(context);
      case Reduction::sum_square:
        return reduce<SumSquare>(context);
      case Reduction::log_sum_exp:
        return reduce_exponentials(context);
    }
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

  // Folds what lies under the line at `in` to `line`; `of(x, j)` is what element j's fold takes of
  // x.
  template <class F, class Of>
  static void fold_line(const Walk& walk, const float* in, double* line, const Of& of) {
    std::fill_n(line, walk.width, F::start);
    if (walk.run == 1) {
      for_each(walk.reduced.span(), in, [&](const float* x) {
        for (std::int64_t j = 0; j < walk.width; ++j) line[j] = F::add(line[j], of(x[j], j));
      });
      return;
    }
    constexpr std::int64_t kLanes = 8;  // chains that do not wait for each other
    std::array<double, kLanes> lanes;
    lanes.fill(F::start);
    for_each(walk.reduced.span(), in, [&](const float* x) {
      std::int64_t i = 0;
      for (; i + kLanes <= walk.run; i += kLanes) {
        for (std::int64_t l = 0; l < kLanes; ++l) {
          double& lane = lanes[static_cast<std::size_t>(l)];
          lane = F::add(lane, of(x[i + l], 0));
        }
      }
      for (; i < walk.run; ++i) lanes[0] = F::add(lanes[0], of(x[i], 0));
    });
    for (const double lane : lanes) line[0] = F::merge(line[0], lane);
  }

  template <class F>
  void reduce(const OpContext& context) const {
    const TensorView& in = context.input(0);
    const Walk walk = walk_over(in.shape);
    auto* line = reinterpret_cast<double*>(context.scratch);
    float* out = context.output().as<float>();
    const std::int64_t count = walk.folded();
    for_each(walk.kept.span(), in.as<float>(), [&](const float* x) {
      fold_line<F>(walk, x, line, [](float element, std::int64_t) { return double{element}; });
      for (std::int64_t j = 0; j < walk.width; ++j) {
        *out++ = static_cast<float>(F::finish(line[j], count));
      }
    });
  }

  // log Σ exp(x) = m + log Σ exp(x − m), in which nothing overflows for the maximum m.
  void reduce_exponentials(const OpContext& context) const {
    const TensorView& in = context.input(0);
    const Walk walk = walk_over(in.shape);
    Scratch scratch(context.scratch);
    auto* top = scratch.take<double>(walk.width);
    auto* line = scratch.take<double>(walk.width);
    float* out = context.output().as<float>();
    for_each(walk.kept.span(), in.as<float>(), [&](const float* x) {
      fold_line<Max>(walk, x, top, [](float element, std::int64_t) { return double{element}; });
      for (std::int64_t j = 0; j < walk.width; ++j) top[j] = std::isfinite(top[j]) ? top[j] : 0.0;
      fold_line<Sum>(walk, x, line,
                     [&](float element, std::int64_t j) { return std::exp(element - top[j]); });
      for (std::int64_t j = 0; j < walk.width; ++j) {
        *out++ = static_cast<float>(top[j] + std::log(line[j]));
      }
    });
  }

  Reduction reduction_;
  bool keep_axes_;
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
                                bool keep_axes) {
  return std::make_unique<Reduce>(name, reduction, std::move(axes), keep_axes);
}

}  // namespace bnn
