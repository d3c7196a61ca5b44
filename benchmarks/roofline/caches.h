// Sizes of the data caches that one core sees.
#pragma once

#include <cstddef>

namespace bnn::roofline {

// In bytes; 0 where a level does not exist or cannot be found out.
struct Caches {
  std::ptrdiff_t l1;
  std::ptrdiff_t l2;
  std::ptrdiff_t l3;
};

Caches detect_caches();

}  // namespace bnn::roofline
