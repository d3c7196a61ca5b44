// Places tensors that live for part of a program's steps into one arena.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace bnn {

struct Lifetime {
  std::size_t bytes;
  int first;  // step that writes it
  int last;   // last step that reads it
};

struct ArenaPlan {
  std::vector<std::size_t> offsets;  // of each tensor, multiples of 64
  std::size_t bytes = 0;             // of the arena
};

// Tensors whose lifetimes overlap never overlap in memory. Largest first, each at the lowest free
// offset (greedy by size: within a few percent of optimal on networks).
ArenaPlan plan_arena(std::span<const Lifetime> tensors);

}  // namespace bnn
