// CPU features and instruction sets.
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "bindings/register.h"
#include "cpu/isa.h"

namespace py = pybind11;

namespace bnn {

void register_cpu(py::module_& module) {
  module.def(
      "active_isa", [] { return std::string(isa_name(active_isa())); },
      "Name of the instruction set new programs use: BNN_ENGINE_ISA or the best supported one.");
  module.def(
      "compiled_isas",
      [] {
        std::vector<std::string> names;
        for (const Isa isa : compiled_isas()) names.emplace_back(isa_name(isa));
        return names;
      },
      "Instruction sets this build has kernels for, the least capable first.");
  module.def(
      "supported_isas",
      [] {
        std::vector<std::string> names;
        for (const Isa isa : compiled_isas()) {
          if (cpu_supports(isa)) names.emplace_back(isa_name(isa));
        }
        return names;
      },
      "Compiled instruction sets that this CPU and operating system can run.");
  module.def(
      "cpu_features",
      [] {
        std::vector<std::string> names;
        for (const std::string_view name : cpu_feature_names()) names.emplace_back(name);
        return names;
      },
      "Detected CPU features that kernels may use.");
  module.def("default_num_threads", &default_num_threads,
             "Threads a program uses unless told otherwise.");
}

}  // namespace bnn
