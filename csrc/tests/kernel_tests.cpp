// Runs every manifest row that this CPU supports on seeded random cases.
//
//   bnn_kernel_tests [--isa NAME] [--cases N] [--seed S] [--list]
//
// Case i of a row has the seed S + i, the same for every instruction set, and a failure prints it:
// replay with --seed <that> --cases 1. Exits with 1 when a case fails or an instruction set that
// this CPU supports has no row, with 2 for bad arguments or an unsupported --isa.
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpu/isa.h"
#include "family_tests.h"

namespace {

using namespace bnn;
using namespace bnn::test;

struct Options {
  std::optional<Isa> only;
  std::uint64_t cases = 400;
  std::uint64_t seed = 20'250'101;
  bool list = false;
};

// What runs now, for the handler: touching a guard page is the failure most in need of a name and a
// seed.
char current_case[160] = "";

extern "C" void report_crash(int signal) {
  constexpr std::string_view kWhat = "\nmemory fault in ";
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, kWhat.data(), kWhat.size());
  written = write(STDERR_FILENO, current_case, std::strlen(current_case));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void report_crashes() {
#if !defined(__SANITIZE_ADDRESS__)  // which has a report of its own
  std::signal(SIGSEGV, report_crash);
  std::signal(SIGBUS, report_crash);
#endif
}

class Runner {
 public:
  explicit Runner(const Options& options) : options_(options) {}

  template <class Fn>
  void family(std::span<const Variant<Fn>> rows, void (*check)(const Variant<Fn>&, Random&)) {
    for (const Variant<Fn>& row : rows) {
      if (options_.only && row.isa != *options_.only) continue;
      const std::string name = row.name();
      if (options_.list) {
        std::printf("%s: %d lanes%s\n", name.c_str(), row.lanes,
                    cpu_supports(row.isa) ? "" : ", not supported by this CPU");
        continue;
      }
      if (!cpu_supports(row.isa)) {
        std::printf("%s: skipped, not supported by this CPU\n", name.c_str());
        continue;
      }
      exercised_.push_back(row.isa);
      std::uint64_t failed = 0;
      for (std::uint64_t i = 0; i < options_.cases; ++i) {
        std::snprintf(current_case, sizeof(current_case), "%s: seed %llu\n", name.c_str(),
                      static_cast<unsigned long long>(options_.seed + i));
        Random random(options_.seed + i);
        try {
          check(row, random);
        } catch (const Failure& failure) {
          if (++failed <= kShownFailures) {
            std::printf("%s: seed %llu: %s\n", name.c_str(),
                        static_cast<unsigned long long>(options_.seed + i), failure.what());
          }
        }
      }
      report(name, failed);
    }
  }

  void dispatch() {
    if (options_.list) return;
    try {
      check_dispatch();
      std::printf("dispatch: ok\n");
    } catch (const Failure& failure) {
      std::printf("dispatch: %s\n", failure.what());
      ok_ = false;
    }
  }

  bool finish() {
    if (options_.list) return true;
    for (Isa isa : compiled_isas()) {
      if (!cpu_supports(isa) || (options_.only && isa != *options_.only)) continue;
      bool found = false;
      for (Isa run : exercised_) found = found || run == isa;
      if (!found) {
        std::printf("%s: supported by this CPU, but no row of it was exercised\n",
                    std::string(isa_name(isa)).c_str());
        ok_ = false;
      }
    }
    return ok_;
  }

 private:
  static constexpr std::uint64_t kShownFailures = 5;

  void report(const std::string& name, std::uint64_t failed) {
    if (failed == 0) {
      std::printf("%s: %llu cases ok\n", name.c_str(),
                  static_cast<unsigned long long>(options_.cases));
    } else {
      std::printf("%s: %llu of %llu cases FAILED\n", name.c_str(),
                  static_cast<unsigned long long>(failed),
                  static_cast<unsigned long long>(options_.cases));
      ok_ = false;
    }
    std::fflush(stdout);
  }

  const Options& options_;
  std::vector<Isa> exercised_;
  bool ok_ = true;
};

bool parse(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--list") {
      options.list = true;
      continue;
    }
    if (i + 1 == argc) return std::nullopt;
    const std::string_view value = argv[++i];
    if (argument == "--isa") {
      for (Isa isa : compiled_isas()) {
        if (isa_name(isa) == value) options.only = isa;
      }
      if (!options.only || !cpu_supports(*options.only)) {
        std::fprintf(stderr, "--isa %s: unknown, or not supported by this CPU\n", argv[i]);
        return std::nullopt;
      }
    } else if (argument == "--cases") {
      if (!parse(value, options.cases)) return std::nullopt;
    } else if (argument == "--seed") {
      if (!parse(value, options.seed)) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = parse(argc, argv);
  if (!options) {
    std::fprintf(stderr, "usage: %s [--isa NAME] [--cases N] [--seed S] [--list]\n", argv[0]);
    return 2;
  }
  report_crashes();
  Runner run(*options);
  run.dispatch();
  run.family(xnor_gemm_variants(), check_xnor_gemm);
  run.family(xnor_chain_variants(), check_xnor_chain);
  run.family(xnor_chain_f32_variants(), check_xnor_chain_f32);
  run.family(xnor_chain_bits_variants(), check_xnor_chain_bits);
  run.family(xnor_masked_variants(), check_xnor_masked);
  run.family(f32_gemm_variants(), check_f32_gemm);
  run.family(binary_weight_gemm_variants(), check_binary_weight_gemm);
  run.family(byte_gemm_u8_variants(), check_byte_gemm_u8);
  run.family(byte_gemm_i8_variants(), check_byte_gemm_i8);
  run.family(plane_sum_variants(), check_plane_sum);
  run.family(binarize_f32_variants(), check_binarize_f32);
  run.family(binarize_i32_variants(), check_binarize_i32);
  run.family(binarize_u8_variants(), check_binarize_u8);
  run.family(binarize_i8_variants(), check_binarize_i8);
  run.family(binarize_planar_f32_variants(), check_binarize_planar_f32);
  run.family(epilogue_f32_variants(), check_epilogue_f32);
  run.family(epilogue_i32_variants(), check_epilogue_i32);
  run.family(exp_f32_variants(), check_exp_f32);
  run.family(sigmoid_f32_variants(), check_sigmoid_f32);
  run.family(tanh_f32_variants(), check_tanh_f32);
  run.family(erf_f32_variants(), check_erf_f32);
  run.family(normal_f32_variants(), check_normal_f32);
  run.family(pool_max_f32_variants(), check_pool_max_f32);
  run.family(pool_sum_f32_variants(), check_pool_sum_f32);
  run.family(pool_and_bits_variants(), check_pool_and_bits);
  run.family(pool_or_bits_variants(), check_pool_or_bits);
  run.family(pack_signs_f32_variants(), check_pack_signs_f32);
  run.family(pack_signs_planar_f32_variants(), check_pack_signs_planar_f32);
  run.family(unpack_f32_variants(), check_unpack_f32);
  run.family(unpack_planar_f32_variants(), check_unpack_planar_f32);
  run.family(transpose_f32_variants(), check_transpose_f32);
  return run.finish() ? 0 : 1;
}
