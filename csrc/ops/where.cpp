#include <algorithm>

#include "ops/element_types.h"
#include "ops/elementwise.h"

namespace bnn {
namespace {

// Both are read, so that the choice needs no branch.
template <class T>
T choose(bool condition, T x, T y) {
  return condition ? x : y;
}

// Elements are only moved: one loop serves all types of a size.
template <class T>
void where_loop(const ElementRun& run) {
  const Bool* condition = reinterpret_cast<const Bool*>(run.operands[0]);
  const T* __restrict x = reinterpret_cast<const T*>(run.operands[1]);
  const T* __restrict y = reinterpret_cast<const T*>(run.operands[2]);
  T* __restrict out = reinterpret_cast<T*>(run.result);
  const auto is_true = [condition](std::int64_t i) { return condition[i].byte != 0; };
  if (run.stays[0]) {
    const T* chosen = is_true(0) ? x : y;
    if (run.stays[is_true(0) ? 1 : 2]) {
      std::fill_n(out, run.count, *chosen);
    } else {
      std::copy_n(chosen, run.count, out);
    }
  } else if (run.stays[1] && run.stays[2]) {
    for (std::int64_t i = 0; i < run.count; ++i) out[i] = choose(is_true(i), *x, *y);
  } else if (run.stays[1]) {
    for (std::int64_t i = 0; i < run.count; ++i) out[i] = choose(is_true(i), *x, y[i]);
  } else if (run.stays[2]) {
    for (std::int64_t i = 0; i < run.count; ++i) out[i] = choose(is_true(i), x[i], *y);
  } else {
    for (std::int64_t i = 0; i < run.count; ++i) out[i] = choose(is_true(i), x[i], y[i]);
  }
}

ElementLoop loop_for(ElementType type) {
  switch (element_bytes(type)) {
    case 1:
      return where_loop<std::uint8_t>;
    case 2:
      return where_loop<std::uint16_t>;
    case 4:
      return where_loop<std::uint32_t>;
    default:
      return where_loop<std::uint64_t>;
  }
}

}  // namespace

std::unique_ptr<Op> make_where(const std::string& name, ElementType type) {
  const ElementLoop loop = type == ElementType::bits ? nullptr : loop_for(type);
  return make_elementwise({name, {ElementType::boolean, type, type}, type, loop});
}

}  // namespace bnn
