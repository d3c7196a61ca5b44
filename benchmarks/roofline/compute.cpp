#include "compute.h"

#include "cpu_features.h"

namespace bnn::roofline {
namespace {

constexpr std::ptrdiff_t kWordBytes = sizeof(std::uint64_t);

[[maybe_unused]] Probes if_supported(bool supported, Probes (*probes)()) {
  return supported ? probes() : Probes{nullptr, 0};
}

}  // namespace

Compute::Compute(Timer& timer)
    : rows_(make_buffer(kMaxRows * kWords * kWordBytes)),
      weights_(make_buffer(kMaxVectors * kWords * kMaxLanes * kWordBytes)),
      sink_(make_buffer(kSinkBytes)) {
  // The features are those that a file's flags (CMakeLists.txt) let the compiler use.
  table_.push_back({"binary", "generic", binary_generic(), {}});
  table_.push_back({"float32", "generic", float_generic(), {}});
#if defined(__x86_64__)
  const bool avx2 = cpu_has({"popcnt", "avx2", "fma", "os_ymm_state"});
  const bool avx512 = avx2 && cpu_has({"avx512f", "os_zmm_state"});
  const bool vpopcntdq = avx512 && cpu_has({"avx512_vpopcntdq"});
  const bool vnni = avx512 && cpu_has({"avx512_vnni"});
  table_.push_back({"binary", "avx2", if_supported(avx2, binary_avx2), {}});
  table_.push_back(
      {"binary", "avx512_vpopcntdq", if_supported(vpopcntdq, binary_avx512_vpopcntdq), {}});
  table_.push_back({"float32", "avx2", if_supported(avx2, float_avx2), {}});
  table_.push_back({"float32", "avx512", if_supported(avx512, float_avx512), {}});
  table_.push_back({"int8", "avx2", if_supported(avx2, int8_avx2), {}});
  table_.push_back({"int8", "avx512_vnni", if_supported(vnni, int8_avx512_vnni), {}});
#elif defined(__aarch64__)
  table_.push_back({"binary", "neon", binary_neon(), {}});
  table_.push_back({"float32", "neon", float_neon(), {}});
#endif
  const Operands operands{reinterpret_cast<const std::uint64_t*>(rows_.get()),
                          reinterpret_cast<const std::uint64_t*>(weights_.get()), sink_.get()};
  for (Row& row : table_) {
    for (int i = 0; i < row.probes.count; ++i) {
      const auto run = row.probes.first[i].run;
      row.loops.push_back(
          timer.add([run, operands](std::ptrdiff_t passes) { run(operands, passes); }));
    }
  }
}

std::vector<ComputeResult> Compute::results(const Timer& timer) const {
  std::vector<ComputeResult> results;
  for (const Row& row : table_) {
    ComputeResult result{row.kind, row.isa, {}};
    for (int i = 0; i < row.probes.count; ++i) {
      const Probe& probe = row.probes.first[i];
      const double rate =
          probe.macs_per_pass / timer.seconds_per_pass(row.loops[static_cast<std::size_t>(i)]);
      if (!result.rate || rate > result.rate->macs_per_second) result.rate = {rate, probe.tile};
    }
    results.push_back(result);
  }
  return results;
}

}  // namespace bnn::roofline
