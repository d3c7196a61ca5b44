// Lists of lanes from the mask of a comparison, for instruction sets without a compressing store.
// Internal linkage: each file needs its own copy, compiled with its own flags.
#pragma once

#include <cstdint>

namespace bnn {
namespace {

// For every mask of eight bits the numbers of its ones, in order.
struct PositionsOfOnes {
  std::uint8_t positions[256][8];

  constexpr PositionsOfOnes() : positions() {
    for (int mask = 0; mask < 256; ++mask) {
      int count = 0;
      for (int bit = 0; bit < 8; ++bit) {
        if (((mask >> bit) & 1) != 0) positions[mask][count++] = static_cast<std::uint8_t>(bit);
      }
    }
  }
};
constexpr PositionsOfOnes kPositionsOfOnes;

}  // namespace
}  // namespace bnn
