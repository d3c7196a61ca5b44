#include <cstdlib>
#include <string>

#include "base/error.h"
#include "cpu/isa.h"
#include "family_tests.h"

namespace bnn::test {
namespace {

constexpr const char* kVariable = "BNN_ENGINE_ISA";

// Sets or unsets the variable, and restores it.
class ForcedIsa {
 public:
  explicit ForcedIsa(const char* value) {
    if (const char* old = std::getenv(kVariable)) {
      had_value_ = true;
      old_ = old;
    }
    set(value);
  }
  ~ForcedIsa() { set(had_value_ ? old_.c_str() : nullptr); }
  ForcedIsa(const ForcedIsa&) = delete;
  ForcedIsa& operator=(const ForcedIsa&) = delete;

 private:
  static void set(const char* value) {
    if (value == nullptr) {
      unsetenv(kVariable);
    } else {
      setenv(kVariable, value, 1);
    }
  }

  bool had_value_ = false;
  std::string old_;
};

std::string error_for(const char* name) {
  const ForcedIsa forced(name);
  try {
    active_isa();
  } catch (const IsaError& error) {
    return error.what();
  }
  throw Failure(std::string("BNN_ENGINE_ISA=") + name + " was accepted");
}

template <class Fn>
void check_chosen(const Variant<Fn>& chosen, std::span<const Variant<Fn>> rows, Isa isa) {
  require(chosen.isa <= isa, chosen.name(), " chosen for ", std::string(isa_name(isa)));
  for (const Variant<Fn>& row : rows) {
    require(row.isa > isa || row.isa <= chosen.isa, chosen.name(), " chosen although there is ",
            row.name());
  }
}

}  // namespace

void check_dispatch() {
  Isa best = Isa::scalar;
  for (Isa isa : compiled_isas()) {
    const std::string name(isa_name(isa));
    if (!cpu_supports(isa)) {
      require(error_for(name.c_str()).find("lacks") != std::string::npos, name,
              ": no word about what the CPU lacks");
      continue;
    }
    best = isa;
    const ForcedIsa forced(name.c_str());
    require(active_isa() == isa, "forcing ", name, " had no effect");
    const KernelSet set = kernel_set(isa);
    check_chosen(set.xnor_gemm, xnor_gemm_variants(), isa);
    check_chosen(set.xnor_chain, xnor_chain_variants(), isa);
    check_chosen(set.xnor_chain_f32, xnor_chain_f32_variants(), isa);
    check_chosen(set.xnor_chain_bits, xnor_chain_bits_variants(), isa);
    check_chosen(set.xnor_masked, xnor_masked_variants(), isa);
    check_chosen(set.f32_gemm, f32_gemm_variants(), isa);
    check_chosen(set.binary_weight_gemm, binary_weight_gemm_variants(), isa);
    check_chosen(set.byte_gemm_u8, byte_gemm_u8_variants(), isa);
    check_chosen(set.byte_gemm_i8, byte_gemm_i8_variants(), isa);
    check_chosen(set.plane_sum, plane_sum_variants(), isa);
    check_chosen(set.binarize_f32, binarize_f32_variants(), isa);
    check_chosen(set.binarize_i32, binarize_i32_variants(), isa);
    check_chosen(set.binarize_u8, binarize_u8_variants(), isa);
    check_chosen(set.binarize_i8, binarize_i8_variants(), isa);
    check_chosen(set.binarize_planar_f32, binarize_planar_f32_variants(), isa);
    check_chosen(set.epilogue_f32, epilogue_f32_variants(), isa);
    check_chosen(set.epilogue_i32, epilogue_i32_variants(), isa);
    check_chosen(set.exp_f32, exp_f32_variants(), isa);
    check_chosen(set.sigmoid_f32, sigmoid_f32_variants(), isa);
    check_chosen(set.tanh_f32, tanh_f32_variants(), isa);
    check_chosen(set.erf_f32, erf_f32_variants(), isa);
    check_chosen(set.normal_f32, normal_f32_variants(), isa);
    check_chosen(set.pool_max_f32, pool_max_f32_variants(), isa);
    check_chosen(set.pool_sum_f32, pool_sum_f32_variants(), isa);
    check_chosen(set.pool_and_bits, pool_and_bits_variants(), isa);
    check_chosen(set.pool_or_bits, pool_or_bits_variants(), isa);
    check_chosen(set.pack_signs_f32, pack_signs_f32_variants(), isa);
    check_chosen(set.pack_signs_planar_f32, pack_signs_planar_f32_variants(), isa);
    check_chosen(set.unpack_f32, unpack_f32_variants(), isa);
    check_chosen(set.unpack_planar_f32, unpack_planar_f32_variants(), isa);
    check_chosen(set.transpose_f32, transpose_f32_variants(), isa);
  }
  for (const char* unset : {static_cast<const char*>(nullptr), ""}) {
    const ForcedIsa forced(unset);
    require(active_isa() == best, "the default is not the best supported instruction set");
  }
  for (const char* unknown : {"avx1024", "AVX2", " avx2", "scalar "}) {
    const std::string message = error_for(unknown);
    for (Isa isa : compiled_isas()) {
      require(message.find(isa_name(isa)) != std::string::npos,
              "the error does not list what is known: ", message);
    }
  }
}

}  // namespace bnn::test
