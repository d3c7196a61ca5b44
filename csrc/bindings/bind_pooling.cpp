// Methods of ProgramBuilder for pooling.
#include <string>

#include "bindings/program_builder.h"
#include "ops/pool.h"

namespace py = pybind11;

namespace bnn {

void register_pooling(py::module_&, ProgramBuilderClass& builder) {
  builder
      .def(
          "max_pool",
          [](PyProgramBuilder& self, const std::string& name, int input, const PyWindow& window,
             bool ceil_mode) {
            const PoolWindow pool{window.window, ceil_mode, window.spatial_axes};
            return self.add(make_max_pool_f32(name, pool, self.kernels()), input);
          },
          py::arg("name"), py::arg("input"), py::arg("window"), py::arg("ceil_mode"))
      .def(
          "max_pool_bits",
          [](PyProgramBuilder& self, const std::string& name, int input, const PyWindow& window,
             bool ceil_mode, const InputCode& code) {
            const PoolWindow pool{window.window, ceil_mode, window.spatial_axes};
            return self.add(make_max_pool_bits(name, pool, code, self.kernels()), input);
          },
          py::arg("name"), py::arg("input"), py::arg("window"), py::arg("ceil_mode"),
          py::arg("code"))
      .def(
          "average_pool",
          [](PyProgramBuilder& self, const std::string& name, int input, const PyWindow& window,
             bool ceil_mode, bool count_include_pad) {
            const PoolWindow pool{window.window, ceil_mode, window.spatial_axes};
            return self.add(make_average_pool_f32(name, pool, count_include_pad, self.kernels()),
                            input);
          },
          py::arg("name"), py::arg("input"), py::arg("window"), py::arg("ceil_mode"),
          py::arg("count_include_pad"))
      .def(
          "lp_pool",
          [](PyProgramBuilder& self, const std::string& name, int input, const PyWindow& window,
             bool ceil_mode, std::int64_t p) {
            return self.add(
                make_lp_pool_f32(name, {window.window, ceil_mode, window.spatial_axes}, p), input);
          },
          py::arg("name"), py::arg("input"), py::arg("window"), py::arg("ceil_mode"), py::arg("p"))
      .def(
          "global_average_pool",
          [](PyProgramBuilder& self, const std::string& name, int input) {
            return self.add(make_global_average_pool_f32(name, self.kernels()), input);
          },
          py::arg("name"), py::arg("input"))
      .def(
          "global_max_pool",
          [](PyProgramBuilder& self, const std::string& name, int input) {
            return self.add(make_global_max_pool_f32(name, self.kernels()), input);
          },
          py::arg("name"), py::arg("input"));
}

}  // namespace bnn
