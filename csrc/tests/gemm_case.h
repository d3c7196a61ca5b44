// Random operands of the dot-product families: what kernels/segment.h allows, at its edges.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "base/bits.h"
#include "guarded_array.h"
#include "kernels/segment.h"
#include "support.h"

namespace bnn::test {

struct GemmCase {
  int rows;
  int vectors;
  int lanes;
  std::ptrdiff_t row_stride;
  std::vector<Segment> segments;
  std::ptrdiff_t k;                // extent of the weights along K
  std::ptrdiff_t length;           // elements under the segments
  std::ptrdiff_t weighted_length;  // each counted as often as the doublings after it say
  std::ptrdiff_t acc_stride;

  std::string text() const {
    std::string s = "rows " + std::to_string(rows) + ", vectors " + std::to_string(vectors) +
                    ", row_stride " + std::to_string(row_stride) + ", K " + std::to_string(k) +
                    ", segments";
    for (std::size_t i = 0; i < segments.size() && i < 8; ++i) {
      s += " (" + std::to_string(segments[i].input) + ", " + std::to_string(segments[i].weight) +
           ", " + std::to_string(segments[i].length) + ")" +
           (segments[i].doublings > 0 ? "<<" + std::to_string(segments[i].doublings) : "");
    }
    return s + (segments.size() > 8 ? " ..." : "");
  }
};

// Makes some segments double the sum before them, within the bound of the contracts on bits.
// Returns the sum of the lengths, doubled likewise.
inline std::ptrdiff_t random_doublings(Random& random, std::vector<Segment>& segments) {
  constexpr std::ptrdiff_t kMostWords = ((std::ptrdiff_t{1} << 30) - 1) / 64;
  const bool any = random.one_in(2);
  std::ptrdiff_t left = 0;  // words of all segments from s on
  for (const Segment& s : segments) left += s.length;
  std::ptrdiff_t sum = 0;
  for (Segment& s : segments) {
    const int doublings = any ? static_cast<int>(random.between(0, 3)) : 0;
    // Later segments fit, too, if none of them doubles.
    if ((sum << doublings) + left <= kMostWords) s.doublings = doublings;
    sum = (sum << s.doublings) + s.length;
    left -= s.length;
  }
  return sum;
}

// Dense (one run), window-like (equal short runs, rows of pixels overlapping) and arbitrary
// segments. `longest` is the largest usual K, `huge` a rare one of a single row and vector; long
// sums get few rows, for the reference's sake.
inline GemmCase random_gemm_case(Random& random, int lanes, std::ptrdiff_t longest,
                                 std::ptrdiff_t huge) {
  GemmCase c{};
  c.lanes = lanes;
  c.rows = static_cast<int>(random.one_in(3) ? random.pick({1, 2, 3, kMaxRows - 1, kMaxRows})
                                             : random.between(1, kMaxRows));
  c.vectors = static_cast<int>(random.between(1, kMaxVectors));
  const auto gap = [&random] {
    return random.one_in(2) ? std::ptrdiff_t{0} : random.between(1, 5);
  };
  const std::ptrdiff_t kind = random.between(0, 3);
  std::ptrdiff_t input = random.between(-40, 10);
  const auto append = [&](std::ptrdiff_t length) {
    c.segments.push_back({input, c.k, length});
    input += length + gap();
    c.k += length + gap();
    c.length += length;
  };
  if (kind == 0) {
    if (random.one_in(500)) {
      c.rows = c.vectors = 1;
      append(huge);
    } else if (random.one_in(40)) {
      c.rows = std::min(c.rows, 8);
      append(random.pick({longest, longest - 1, longest / 2 + 1}));
    } else {
      append(random.pick<std::ptrdiff_t>({1,   2,   3,   7,   8,   9,   15,  16, 17, 30,
                                          31,  32,  33,  61,  62,  63,  64,  65, 93, 94,
                                          127, 128, 129, 255, 256, 257, 511, 513}));
    }
  } else if (kind == 1) {
    const std::ptrdiff_t length = random.between(1, 9);
    for (std::ptrdiff_t i = random.between(1, 9); i > 0; --i) append(length);
  } else if (!random.one_in(20)) {
    for (std::ptrdiff_t i = random.between(1, 12); i > 0; --i) append(random.between(1, 40));
  }  // else: no segment at all, a window outside the image
  // Taps may come in any order.
  if (random.one_in(4)) std::reverse(c.segments.begin(), c.segments.end());
  c.weighted_length = random_doublings(random, c.segments);
  c.row_stride = random.one_in(2) ? random.between(0, 8) : random.between(1, 300);
  c.acc_stride = round_up(c.vectors * lanes, 16) + 16 * random.between(0, 2);
  return c;
}

// Operands of bits: K up to 2^20 elements, rarely 2^20 words of them.
inline GemmCase random_packed_case(Random& random, int lanes) {
  constexpr std::ptrdiff_t kMillion = std::ptrdiff_t{1} << 20;
  return random_gemm_case(random, lanes, words_for(kMillion), kMillion);
}

// The input of a case. Elements under no segment hold `unread`.
template <class T>
class GemmInput {
 public:
  template <class Draw>
  GemmInput(const GemmCase& c, Placement placement, T unread, Draw draw)
      : lowest_(lowest(c)), array_(index(highest(c) - lowest_), placement) {
    for (T& element : array_.span()) element = unread;
    for (int r = 0; r < c.rows; ++r) {
      for (const Segment& s : c.segments) {
        for (std::ptrdiff_t k = 0; k < s.length; ++k) {
          array_[index(r * c.row_stride + s.input + k - lowest_)] = draw();
        }
      }
    }
  }

  // The origin of row 0: possibly outside the array, where no segment starts at offset 0.
  const T* origin() const {
    return reinterpret_cast<const T*>(
        reinterpret_cast<std::uintptr_t>(array_.data()) -
        static_cast<std::uintptr_t>(lowest_ * static_cast<std::ptrdiff_t>(sizeof(T))));
  }
  T at(const GemmCase& c, int row, const Segment& s, std::ptrdiff_t k) const {
    return array_[index(row * c.row_stride + s.input + k - lowest_)];
  }

 private:
  static std::ptrdiff_t lowest(const GemmCase& c) {
    if (c.segments.empty()) return 0;
    std::ptrdiff_t low = c.segments.front().input;
    for (const Segment& s : c.segments) low = std::min(low, s.input);
    return low;
  }
  static std::ptrdiff_t highest(const GemmCase& c) {
    if (c.segments.empty()) return 0;
    std::ptrdiff_t high = c.segments.front().input;
    for (const Segment& s : c.segments) high = std::max(high, s.input + s.length);
    return high + (c.rows - 1) * c.row_stride;
  }

  std::ptrdiff_t lowest_;
  GuardedArray<T> array_;
};

// Blocks of weights, `per_k` elements for each k of a vector.
template <class T>
class GemmWeights {
 public:
  template <class Draw>
  GemmWeights(const GemmCase& c, Placement placement, std::ptrdiff_t per_k, Draw draw)
      : stride_(round_up(c.k * per_k, 64 / static_cast<std::ptrdiff_t>(sizeof(T)))),
        array_(index((c.vectors - 1) * stride_ + c.k * per_k), placement, 64) {
    for (int v = 0; v < c.vectors; ++v) {
      for (std::ptrdiff_t i = 0; i < c.k * per_k; ++i) array_[index(v * stride_ + i)] = draw();
    }
  }

  const T* data() const { return array_.data(); }
  std::ptrdiff_t stride() const { return stride_; }
  T at(int vector, std::ptrdiff_t i) const { return array_[index(vector * stride_ + i)]; }

 private:
  std::ptrdiff_t stride_;
  GuardedArray<T> array_;
};

template <class T>
class GemmOutput {
 public:
  GemmOutput(const GemmCase& c, Placement placement)
      : case_(c), array_(index((c.rows - 1) * c.acc_stride + c.vectors * c.lanes), placement, 64) {}

  T* data() const { return array_.data(); }
  T at(int row, int vector, int lane) const {
    return array_[index(row * case_.acc_stride + vector * case_.lanes + lane)];
  }
  // Only the lanes of the call's vectors were written.
  void require_only_lanes_written() const {
    require(array_.untouched(), "wrote outside acc: ", case_);
    for (int r = 0; r + 1 < case_.rows; ++r) {
      for (std::ptrdiff_t i = case_.vectors * case_.lanes; i < case_.acc_stride; ++i) {
        require(array_.is_canary(index(r * case_.acc_stride + i)),
                "wrote between rows of acc: ", case_);
      }
    }
  }

 private:
  const GemmCase& case_;
  GuardedArray<T> array_;
};

// Where in a case something went wrong.
struct Position {
  const GemmCase& gemm_case;
  int row;
  int vector;
  int lane;

  std::string text() const {
    return " at row " + std::to_string(row) + ", vector " + std::to_string(vector) + ", lane " +
           std::to_string(lane) + ": " + gemm_case.text();
  }
};

}  // namespace bnn::test
