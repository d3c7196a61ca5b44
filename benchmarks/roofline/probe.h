// What one probe is, and where each file's probes are found.
//
// The files of one instruction set are compiled with its flags: they include intrinsics, <cstdint>,
// <cstddef> and this header only, so that no inline function of the standard library is compiled
// with instructions that other machines lack.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn::roofline {

// -- compute --------------------------------------------------------------------------------------

// Words of one row of weights. A tile of kMaxRows × kMaxVectors reads 60 × 64 bytes a vector and
// 60 × 8 a row, 22 KB: inside the 32 KB or more that L1 caches have.
inline constexpr std::ptrdiff_t kWords = 60;
inline constexpr int kMaxRows = 14;
inline constexpr int kMaxVectors = 4;
inline constexpr int kMaxLanes = 8;

struct Operands {
  const std::uint64_t* rows;     // [kMaxRows][kWords]
  const std::uint64_t* weights;  // [kMaxVectors][kWords][kMaxLanes], aligned to 64 bytes
  void* sink;  // aligned to 64 bytes, kSinkBytes: results go here so that no work is dead
};
inline constexpr std::ptrdiff_t kSinkBytes = std::ptrdiff_t{kMaxRows} * kMaxVectors * 64;

struct Probe {
  const char* tile;      // what distinguishes the probe from others of its file
  double macs_per_pass;  // multiply-accumulates
  void (*run)(const Operands& operands, std::ptrdiff_t passes);
};

struct Probes {
  const Probe* first;
  int count;
};

// Sums of popcount(a ^ w), rows × output channels in registers, operands in L1: 64 MAC a word.
Probes binary_generic();
Probes binary_avx2();
Probes binary_avx512_vpopcntdq();
Probes binary_neon();

// Independent chains of acc = acc * a + b, operands in registers.
Probes float_generic();
Probes float_avx2();
Probes float_avx512();
Probes float_neon();

// Independent chains of acc += dot(u8, i8), operands in registers.
Probes int8_avx2();
Probes int8_avx512_vnni();

// -- memory ---------------------------------------------------------------------------------------

// Buffers are multiples of this many bytes, aligned to 64.
inline constexpr std::ptrdiff_t kStreamGranule = 4096;

struct Stream {
  const char* name;
  // Loads every byte once; the sum goes to `sink` (64 bytes).
  void (*read)(const void* data, std::ptrdiff_t bytes, void* sink);
};

struct Streams {
  const Stream* reads;  // the same loads in several orders
  int read_count;
  void (*write)(void* data, std::ptrdiff_t bytes);  // stores every byte once, through the caches
};

Streams stream_generic();
Streams stream_avx2();
Streams stream_avx512();

}  // namespace bnn::roofline
