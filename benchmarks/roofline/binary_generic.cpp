// What portable C++ can reach: ones are counted byte by byte with shifts and masks, in lanes that
// compilers vectorise for any machine, which beats a library call a word where the default target
// has no popcount. Byte sums, at most 8 a word, are widened before 31 words fill them.
#include "probe.h"

namespace bnn::roofline {
namespace {

constexpr std::ptrdiff_t kWordsUntilFull = 30;  // 30 · 8 = 240 < 256
static_assert(kWords % kWordsUntilFull == 0);

inline std::uint64_t byte_ones(std::uint64_t x) {
  x -= (x >> 1) & 0x5555555555555555u;
  x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
  return (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
}

// Pairs of bytes are added first: what the product by ones sums up does not fit a byte.
inline std::uint64_t sum_of_bytes(std::uint64_t x) {
  x = (x & 0x00FF00FF00FF00FFu) + ((x >> 8) & 0x00FF00FF00FF00FFu);
  return (x * 0x0001000100010001u) >> 48;
}

template <int kRows, int kChannels>
void run(const Operands& operands, std::ptrdiff_t passes) {
  std::uint64_t ones[kRows][kChannels] = {};
  for (std::ptrdiff_t pass = 0; pass < passes; ++pass) {
    for (std::ptrdiff_t first = 0; first < kWords; first += kWordsUntilFull) {
      std::uint64_t bytes[kRows][kChannels] = {};
      for (std::ptrdiff_t k = first; k < first + kWordsUntilFull; ++k) {
        for (int r = 0; r < kRows; ++r) {
          const std::uint64_t x = operands.rows[r * kWords + k];
          const std::uint64_t* w = operands.weights + k * kChannels;
          for (int c = 0; c < kChannels; ++c) bytes[r][c] += byte_ones(x ^ w[c]);
        }
      }
      for (int r = 0; r < kRows; ++r) {
        for (int c = 0; c < kChannels; ++c) ones[r][c] += sum_of_bytes(bytes[r][c]);
      }
    }
  }
  auto* sink = static_cast<std::uint64_t*>(operands.sink);
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kChannels; ++c) sink[r * kChannels + c] = ones[r][c];
  }
}

template <int kRows, int kChannels>
constexpr Probe probe(const char* tile) {
  return {tile, 64.0 * kRows * kChannels * kWords, run<kRows, kChannels>};
}

// Rows × channels.
constexpr Probe kProbes[] = {probe<1, 4>("1x4"), probe<2, 2>("2x2"), probe<2, 4>("2x4"),
                             probe<1, 8>("1x8")};

}  // namespace

Probes binary_generic() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace bnn::roofline
