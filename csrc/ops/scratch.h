// Scratch memory of one run(), cut into arrays.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/aligned.h"

namespace bnn {

class Scratch {
 public:
  explicit Scratch(std::byte* first) : next_(first) {}

  template <class T>
  T* take(std::int64_t count) {
    T* array = reinterpret_cast<T*>(next_);
    next_ += bytes<T>(count);
    return array;
  }
  // What no array has taken.
  std::byte* rest() const { return next_; }

  template <class T>
  static std::size_t bytes(std::int64_t count) {
    return round_up(static_cast<std::size_t>(count) * sizeof(T), kAlignment);
  }

 private:
  std::byte* next_;
};

}  // namespace bnn
