// Instruction sets the kernels are written for, what the running CPU has, and which one is active.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bnn {

// In order of preference: a later entry that the CPU supports is chosen over an earlier one.
enum class Isa : std::uint8_t { scalar, neon, avx2, avx512bw, avx512_vpopcntdq };

// Stable public name ("scalar", "avx2", "avx512_vpopcntdq", ...): BNN_ENGINE_ISA takes it,
// summaries show it.
std::string_view isa_name(Isa isa);

// Every instruction set this build has kernels for, in order of preference.
std::span<const Isa> compiled_isas();

// True when both the CPU (x86: CPUID) and the operating system (x86: XGETBV, saved register state;
// arm64: the auxiliary vector) allow `isa`.
bool cpu_supports(Isa isa);

// Names of the detected CPU features relevant here ("avx2", "fma", "asimd", ...).
std::span<const std::string_view> cpu_feature_names();

// The instruction set named by BNN_ENGINE_ISA, or the best supported one when the variable is unset
// or empty. Throws IsaError when the name is unknown, not compiled in, or not supported by this
// CPU. Read at every call: a program keeps the kernels it was built with.
Isa active_isa();

}  // namespace bnn
