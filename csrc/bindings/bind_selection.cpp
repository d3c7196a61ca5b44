// Methods of ProgramBuilder for ops that find elements.
#include <string>

#include "bindings/program_builder.h"
#include "ops/arg_extreme.h"

namespace py = pybind11;

namespace bnn {

void register_selection(py::module_&, ProgramBuilderClass& builder) {
  builder.def(
      "arg_extreme",
      [](PyProgramBuilder& self, const std::string& name, int input, bool largest, bool last,
         int axis, bool keep_axis) {
        const ArgExtreme what{largest, last, axis, keep_axis};
        return self.add(make_arg_extreme(name, what, self.type_of(input).element), input);
      },
      py::arg("name"), py::arg("input"), py::arg("largest"), py::arg("last"), py::arg("axis"),
      py::arg("keep_axis"));
}

}  // namespace bnn
