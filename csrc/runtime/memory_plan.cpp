#include "runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "base/aligned.h"

namespace bnn {

ArenaPlan plan_arena(std::span<const Lifetime> tensors) {
  ArenaPlan plan;
  plan.offsets.resize(tensors.size());
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return tensors[a].bytes > tensors[b].bytes;
  });
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t index : order) {
    const Lifetime& tensor = tensors[index];
    const std::size_t bytes = round_up(tensor.bytes, kAlignment);
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      const Lifetime& taken = tensors[other];
      if (taken.last < tensor.first || tensor.last < taken.first) continue;
      if (plan.offsets[other] >= offset + bytes) break;
      offset = std::max(offset, plan.offsets[other] + round_up(taken.bytes, kAlignment));
    }
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), index,
                                   [&](std::size_t a, std::size_t b) {
                                     return plan.offsets[a] < plan.offsets[b];
                                   }),
                  index);
  }
  return plan;
}

}  // namespace bnn
