// 64-byte aligned, zero-initialised storage: what kernels require of weights, operands and scratch.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

namespace bnn {

inline constexpr std::size_t kAlignment = 64;

template <class Integer>
constexpr Integer round_up(Integer value, Integer multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Owns `size` elements; move-only. An array of 0 elements holds no memory.
template <class T>
class AlignedArray {
  static_assert(std::is_trivial_v<T>);

 public:
  AlignedArray() = default;

  explicit AlignedArray(std::size_t size) : size_(size) {
    if (size == 0) return;
    if (size > static_cast<std::size_t>(-1) / sizeof(T) - kAlignment) throw std::bad_alloc();
    // Whole cache lines, so that a 64-byte load at the last element's line stays inside.
    const std::size_t bytes = round_up(size * sizeof(T), kAlignment);
    data_.reset(static_cast<T*>(::operator new(bytes, std::align_val_t{kAlignment})));
    std::memset(static_cast<void*>(data_.get()), 0, bytes);
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }
  T& operator[](std::size_t index) { return data_[index]; }
  const T& operator[](std::size_t index) const { return data_[index]; }

 private:
  struct Free {
    void operator()(T* pointer) const {
      ::operator delete(static_cast<void*>(pointer), std::align_val_t{kAlignment});
    }
  };
  std::unique_ptr<T[], Free> data_;
  std::size_t size_ = 0;
};

}  // namespace bnn
