// Runs seeded random cases of the runtime's promises on every instruction set this CPU supports.
//
//   bnn_runtime_tests [CASES]
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cpu/isa.h"
#include "runtime_tests.h"

namespace {

using namespace bnn;
using namespace bnn::test;

constexpr std::uint64_t kSeed = 20'250'201;

template <class Check>
bool repeat(const std::string& name, long cases, Check&& check) {
  for (long i = 0; i < cases; ++i) {
    const std::uint64_t seed = kSeed + static_cast<std::uint64_t>(i);
    Random random(seed);
    try {
      check(random);
    } catch (const std::exception& failure) {
      std::printf("%s: seed %llu: %s\n", name.c_str(), static_cast<unsigned long long>(seed),
                  failure.what());
      return false;
    }
  }
  std::printf("%s: %ld cases ok\n", name.c_str(), cases);
  std::fflush(stdout);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const long cases = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 400;
  bool ok = cases > 0;
  for (const Isa isa : compiled_isas()) {
    const std::string name(isa_name(isa));
    if (!cpu_supports(isa)) {
      std::printf("%s: skipped, not supported by this CPU\n", name.c_str());
      continue;
    }
    const KernelSet kernels = kernel_set(isa);
    ok &= repeat(name + " layers to floats", cases,
                 [&](Random& random) { check_layer_floats(kernels, random); });
    ok &= repeat(name + " layers to bits", cases,
                 [&](Random& random) { check_layer_bits(kernels, random); });
    ok &= repeat(name + " layers to planes", cases,
                 [&](Random& random) { check_layer_planes(kernels, random); });
    ok &= repeat(name + " layers with residuals", cases,
                 [&](Random& random) { check_layer_residual(kernels, random); });
    ok &= repeat(name + " pooling", cases, [&](Random& random) { check_pooling(kernels, random); });
    ok &= repeat(name + " layouts", cases, [&](Random& random) { check_layouts(kernels, random); });
    ok &= repeat(name + " moves", cases, [&](Random& random) { check_moving(kernels, random); });
    ok &= repeat(name + " batches", cases / 10 + 1,
                 [&](Random& random) { check_batches(kernels, random); });
    ok &= repeat(name + " hostile descriptions", 1,
                 [&](Random&) { check_hostile_descriptions(kernels); });
    ok &= repeat(name + " hostile moves", 1, [&](Random&) { check_hostile_moves(kernels); });
  }
  ok &= repeat("element-wise ops", cases, [](Random& random) { check_elementwise(random); });
  ok &= repeat("16-bit floats", 1, [](Random& random) { check_half_floats(random); });
  ok &= repeat("casts", 1, [](Random&) { check_casts(); });
  ok &= repeat("memory plan", cases, [](Random& random) { check_memory_plan(random); });
  return ok ? 0 : 1;
}
