#include "cpu/isa.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <vector>

#include "base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace bnn {
namespace {

using FeatureMask = std::uint32_t;

// One bit of a FeatureMask each. The os_* ones stand for register state that the operating system
// saves at a context switch: without it the instructions fault (or corrupt) although CPUID lists
// them.
enum Feature : FeatureMask {
  kPopcnt = 1u << 0,
  kAvx2 = 1u << 1,
  kFma = 1u << 2,
  kAvx512f = 1u << 3,
  kAvx512bw = 1u << 4,
  kAvx512vl = 1u << 5,
  kAvx512dq = 1u << 6,
  kAvx512Vpopcntdq = 1u << 7,
  kAvx512Bitalg = 1u << 8,
  kAvx512Vbmi = 1u << 9,
  kAvx512Vnni = 1u << 10,
  kOsYmm = 1u << 11,
  kOsZmm = 1u << 12,
  kAsimd = 1u << 13,
};

struct FeatureName {
  FeatureMask bit;
  std::string_view name;  // spelled as in Linux' /proc/cpuinfo
};

constexpr std::array kFeatureNames{
    FeatureName{kPopcnt, "popcnt"},
    FeatureName{kAvx2, "avx2"},
    FeatureName{kFma, "fma"},
    FeatureName{kAvx512f, "avx512f"},
    FeatureName{kAvx512bw, "avx512bw"},
    FeatureName{kAvx512vl, "avx512vl"},
    FeatureName{kAvx512dq, "avx512dq"},
    FeatureName{kAvx512Vpopcntdq, "avx512_vpopcntdq"},
    FeatureName{kAvx512Bitalg, "avx512_bitalg"},
    FeatureName{kAvx512Vbmi, "avx512vbmi"},
    FeatureName{kAvx512Vnni, "avx512_vnni"},
    FeatureName{kOsYmm, "os_ymm_state"},
    FeatureName{kOsZmm, "os_zmm_state"},
    FeatureName{kAsimd, "asimd"},
};

struct IsaInfo {
  Isa isa;
  std::string_view name;
  FeatureMask
      required;  // what the files of this instruction set are compiled with, and the OS state
  bool compiled;
};

#if defined(__x86_64__)
constexpr bool kCompiledForX86 = true;
#else
constexpr bool kCompiledForX86 = false;
#endif
#if defined(__aarch64__)
constexpr bool kCompiledForArm64 = true;
#else
constexpr bool kCompiledForArm64 = false;
#endif

// popcnt: compilers imply it from SSE4.2, hence from every AVX flag.
constexpr FeatureMask kAvx2Required = kPopcnt | kAvx2 | kFma | kOsYmm;
constexpr FeatureMask kAvx512bwRequired =
    kAvx2Required | kAvx512f | kAvx512bw | kAvx512vl | kAvx512dq | kOsZmm;

// In the order of Isa.
constexpr std::array kIsas{
    IsaInfo{Isa::scalar, "scalar", 0, true},
    IsaInfo{Isa::neon, "neon", kAsimd, kCompiledForArm64},
    IsaInfo{Isa::avx2, "avx2", kAvx2Required, kCompiledForX86},
    IsaInfo{Isa::avx512bw, "avx512bw", kAvx512bwRequired, kCompiledForX86},
    // No CPU has the one without the other beside AVX-512BW.
    IsaInfo{Isa::avx512_vpopcntdq, "avx512_vpopcntdq",
            kAvx512bwRequired | kAvx512Vpopcntdq | kAvx512Vnni, kCompiledForX86},
};

const IsaInfo& info(Isa isa) { return kIsas[static_cast<std::size_t>(isa)]; }

#if defined(__x86_64__)
// XCR0: which register state the operating system saves. Only valid where CPUID says OSXSAVE.
std::uint64_t read_xcr0() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

FeatureMask detect_features() {
  FeatureMask found = 0;
  const auto add = [&found](std::uint32_t reg, unsigned bit, Feature feature) {
    if ((reg >> bit) & 1u) found |= feature;
  };
  std::uint32_t eax = 0;
  std::uint32_t ebx = 0;
  std::uint32_t ecx = 0;
  std::uint32_t edx = 0;
  bool osxsave = false;
  if (__get_cpuid_count(1, 0, &eax, &ebx, &ecx, &edx)) {
    add(ecx, 12, kFma);
    add(ecx, 23, kPopcnt);
    osxsave = ((ecx >> 27) & 1u) != 0;
  }
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
    add(ebx, 5, kAvx2);
    add(ebx, 16, kAvx512f);
    add(ebx, 17, kAvx512dq);
    add(ebx, 30, kAvx512bw);
    add(ebx, 31, kAvx512vl);
    add(ecx, 1, kAvx512Vbmi);
    add(ecx, 11, kAvx512Vnni);
    add(ecx, 12, kAvx512Bitalg);
    add(ecx, 14, kAvx512Vpopcntdq);
  }
  if (osxsave) {
    constexpr std::uint64_t kXmmYmm = 0b0000'0110;               // SSE, AVX
    constexpr std::uint64_t kXmmYmmZmm = kXmmYmm | 0b1110'0000;  // opmask, ZMM_Hi256, Hi16_ZMM
    const std::uint64_t xcr0 = read_xcr0();
    if ((xcr0 & kXmmYmm) == kXmmYmm) found |= kOsYmm;
    if ((xcr0 & kXmmYmmZmm) == kXmmYmmZmm) found |= kOsZmm;
  }
  return found;
}
#elif defined(__aarch64__) && defined(__linux__)
FeatureMask detect_features() {
  return (getauxval(AT_HWCAP) & HWCAP_ASIMD) != 0 ? FeatureMask{kAsimd} : FeatureMask{0};
}
#elif defined(__aarch64__)
FeatureMask detect_features() { return kAsimd; }  // the other systems run on no CPU without it
#else
FeatureMask detect_features() { return 0; }
#endif

FeatureMask features() {
  static const FeatureMask found = detect_features();
  return found;
}

std::vector<std::string_view> names_of(FeatureMask mask) {
  std::vector<std::string_view> names;
  for (const FeatureName& feature : kFeatureNames) {
    if (mask & feature.bit) names.push_back(feature.name);
  }
  return names;
}

std::string join(std::span<const std::string_view> names) {
  std::string text;
  for (std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

std::string supported_names() {
  std::vector<std::string_view> names;
  for (Isa isa : compiled_isas()) {
    if (cpu_supports(isa)) names.push_back(isa_name(isa));
  }
  return join(names);
}

Isa forced_isa(std::string_view name) {
  const std::string setting = "BNN_ENGINE_ISA=\"" + std::string(name) + "\": ";
  const IsaInfo* wanted = nullptr;
  std::vector<std::string_view> known;
  for (const IsaInfo& entry : kIsas) {
    known.push_back(entry.name);
    if (entry.name == name) wanted = &entry;
  }
  if (wanted == nullptr) {
    throw IsaError(setting + "unknown instruction set. Known: " + join(known) +
                   ". Supported here: " + supported_names() +
                   ". Unset the variable to use the best of them.");
  }
  if (!wanted->compiled) {
    throw IsaError(setting +
                   "this build has no kernels for it (it was compiled for another "
                   "architecture). Supported here: " +
                   supported_names() + ".");
  }
  if (const FeatureMask missing = wanted->required & ~features(); missing != 0) {
    throw IsaError(setting + "this CPU or its operating system lacks " + join(names_of(missing)) +
                   ". Supported here: " + supported_names() + ".");
  }
  return wanted->isa;
}

}  // namespace

std::string_view isa_name(Isa isa) { return info(isa).name; }

std::span<const Isa> compiled_isas() {
  static const std::vector<Isa> isas = [] {
    std::vector<Isa> found;
    for (const IsaInfo& entry : kIsas) {
      if (entry.compiled) found.push_back(entry.isa);
    }
    return found;
  }();
  return isas;
}

bool cpu_supports(Isa isa) {
  const IsaInfo& wanted = info(isa);
  return wanted.compiled && (wanted.required & ~features()) == 0;
}

std::span<const std::string_view> cpu_feature_names() {
  static const std::vector<std::string_view> names = names_of(features());
  return names;
}

Isa active_isa() {
  const char* forced = std::getenv("BNN_ENGINE_ISA");
  if (forced != nullptr && *forced != '\0') return forced_isa(forced);
  Isa best = Isa::scalar;
  for (Isa isa : compiled_isas()) {
    if (cpu_supports(isa)) best = isa;
  }
  return best;
}

}  // namespace bnn
