// Indices as vectors with one entry that differs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/op.h"

namespace bnn {

// A new axis of extent `depth` at place `axis`: the element `on` at the index, `off` elsewhere
// (and everywhere for an index outside −depth … depth − 1). on, off: the bytes of one element of
// type `value` each. Indices may be of any numeric type, those of floats are cut to integers.
struct OneHotSpec {
  int axis = 0;
  std::int64_t depth = 0;
  ElementType index = ElementType::i64;
  ElementType value = ElementType::f32;
  std::vector<std::byte> off;
  std::vector<std::byte> on;
};

std::unique_ptr<Op> make_one_hot(const std::string& name, OneHotSpec spec);

}  // namespace bnn
