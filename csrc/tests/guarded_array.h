// Arrays that touch an unmapped page, so that one element read or written too many is a crash.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <type_traits>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace bnn::test {

enum class Placement : std::uint8_t {
  before_guard,  // ends at the unmapped page, as nearly as the alignment allows
  after_guard,   // starts right after the unmapped page
};

// `count` elements, aligned to `alignment` bytes (a power of two up to the page size). What the
// pages hold beside the elements is filled with a canary: untouched() tells whether it survived.
template <class T>
class GuardedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  GuardedArray(std::size_t count, Placement placement, std::size_t alignment = alignof(T))
      : count_(count) {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = count * sizeof(T);
    usable_ = (bytes + page - 1) / page * page;
    if (usable_ == 0) usable_ = page;
    mapped_ = usable_ + 2 * page;
    void* base = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<std::byte*>(base);
    first_ = base_ + page;
    if (mprotect(first_, usable_, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    offset_ = placement == Placement::after_guard ? 0 : (usable_ - bytes) / alignment * alignment;
    std::memset(first_, kCanary, usable_);
    set_poison(true);
  }

  ~GuardedArray() {
    set_poison(false);
    munmap(base_, mapped_);
  }

  GuardedArray(const GuardedArray&) = delete;
  GuardedArray& operator=(const GuardedArray&) = delete;

  T* data() const { return reinterpret_cast<T*>(first_ + offset_); }
  std::size_t size() const { return count_; }
  T& operator[](std::size_t i) const { return data()[i]; }
  std::span<T> span() const { return {data(), count_}; }

  // Nothing was written beside the elements.
  bool untouched() const {
    set_poison(false);
    bool intact = true;
    const std::size_t end = offset_ + count_ * sizeof(T);
    for (std::size_t i = 0; i < usable_; ++i) {
      if ((i < offset_ || i >= end) && first_[i] != std::byte{kCanary}) intact = false;
    }
    set_poison(true);
    return intact;
  }

  // Element i still has the value it was created with.
  bool is_canary(std::size_t i) const {
    std::byte expected[sizeof(T)];
    std::memset(expected, kCanary, sizeof(T));
    return std::memcmp(&data()[i], expected, sizeof(T)) == 0;
  }

 private:
  static constexpr unsigned char kCanary = 0xA5;

  // AddressSanitizer then reports accesses that stay on the page, too.
  void set_poison([[maybe_unused]] bool poison) const {
#if defined(__SANITIZE_ADDRESS__)
    const std::size_t end = offset_ + count_ * sizeof(T);
    if (poison) {
      ASAN_POISON_MEMORY_REGION(first_, offset_);
      ASAN_POISON_MEMORY_REGION(first_ + end, usable_ - end);
    } else {
      ASAN_UNPOISON_MEMORY_REGION(first_, usable_);
    }
#endif
  }

  std::size_t count_;
  std::size_t usable_;
  std::size_t mapped_;
  std::byte* base_;
  std::byte* first_;
  std::size_t offset_;
};

}  // namespace bnn::test
