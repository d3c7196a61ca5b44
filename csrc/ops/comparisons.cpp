#include <string_view>

#include "ops/element_loops.h"

namespace bnn {
namespace {

struct Equal {
  static bool of(auto x, auto y) { return x == y; }
};
struct Less {
  static bool of(auto x, auto y) { return x < y; }
};
struct LessOrEqual {
  static bool of(auto x, auto y) { return x <= y; }
};

struct Row {
  std::string_view function;
  ElementLoop (*loop)(ElementType);
};

constexpr Row kRows[] = {
    {"Equal", &binary_for<Equal, kNumbers | kBoolean, true>},
    {"Less", &binary_for<Less, kNumbers, true>},
    {"LessOrEqual", &binary_for<LessOrEqual, kNumbers, true>},
};

}  // namespace

std::unique_ptr<Op> make_comparison(const std::string& name, const std::string& function,
                                    ElementType type) {
  ElementLoop loop = nullptr;
  for (const Row& row : kRows) {
    if (row.function == function) loop = row.loop(type);
  }
  return make_elementwise({name, {type, type}, ElementType::boolean, loop});
}

}  // namespace bnn
