#include "compute.h"

#include "buffer.h"
#include "cpu_features.h"
#include "probe.h"
#include "timing.h"

namespace bnn::roofline {
namespace {

constexpr double kSecondsPerProbe = 0.06;

struct Row {
  std::string_view kind;
  std::string_view isa;
  bool supported;
  Probes (*probes)();
};

// The features are those that a file's flags (CMakeLists.txt) let the compiler use.
std::vector<Row> rows() {
#if defined(__x86_64__)
  const bool avx2 = cpu_has({"popcnt", "avx2", "fma", "os_ymm_state"});
  const bool avx512 = avx2 && cpu_has({"avx512f", "os_zmm_state"});
  const bool vpopcntdq = avx512 && cpu_has({"avx512_vpopcntdq"});
  const bool vnni = avx512 && cpu_has({"avx512_vnni"});
#endif
  return {
      {"binary", "generic", true, binary_generic},
#if defined(__x86_64__)
      {"binary", "avx2", avx2, binary_avx2},
      {"binary", "avx512_vpopcntdq", vpopcntdq, binary_avx512_vpopcntdq},
#elif defined(__aarch64__)
      {"binary", "neon", true, binary_neon},
#endif
      {"float", "generic", true, float_generic},
#if defined(__x86_64__)
      {"float", "avx2", avx2, float_avx2},
      {"float", "avx512", avx512, float_avx512},
      {"int8", "avx2", avx2, int8_avx2},
      {"int8", "avx512_vnni", vnni, int8_avx512_vnni},
#elif defined(__aarch64__)
      {"float", "neon", true, float_neon},
#endif
  };
}

Rate best(Probes probes, const Operands& operands) {
  Rate best{0, ""};
  for (int i = 0; i < probes.count; ++i) {
    const Probe& probe = probes.first[i];
    const double seconds = seconds_per_pass(
        [&](std::ptrdiff_t passes) { probe.run(operands, passes); }, kSecondsPerProbe);
    if (const double rate = probe.macs_per_pass / seconds; rate > best.macs_per_second) {
      best = {rate, probe.tile};
    }
  }
  return best;
}

}  // namespace

std::vector<ComputeResult> measure_compute() {
  constexpr std::ptrdiff_t kWordBytes = sizeof(std::uint64_t);
  const Buffer inputs = make_buffer(kMaxRows * kWords * kWordBytes);
  const Buffer weights = make_buffer(kMaxVectors * kWords * kMaxLanes * kWordBytes);
  const Buffer sink = make_buffer(kSinkBytes);
  const Operands operands{reinterpret_cast<const std::uint64_t*>(inputs.get()),
                          reinterpret_cast<const std::uint64_t*>(weights.get()), sink.get()};
  std::vector<ComputeResult> results;
  for (const Row& row : rows()) {
    ComputeResult result{row.kind, row.isa, {}};
    if (row.supported) result.rate = best(row.probes(), operands);
    results.push_back(result);
  }
  return results;
}

}  // namespace bnn::roofline
