// Methods of ProgramBuilder for element-wise ops.
#include <pybind11/stl.h>

#include <string>

#include "bindings/element_types.h"
#include "bindings/program_builder.h"
#include "ops/cast.h"
#include "ops/elementwise.h"

namespace py = pybind11;

namespace bnn {

void register_elementwise(ProgramBuilderClass& builder) {
  builder
      .def(
          "cast",
          [](PyProgramBuilder& self, const std::string& name, int input, const std::string& to) {
            return self.add(make_cast(name, self.element_of(input), element_type(to)), input);
          },
          py::arg("name"), py::arg("input"), py::arg("to"))
      .def(
          "unary",
          [](PyProgramBuilder& self, const std::string& name, const std::string& function,
             int input, const Parameters& parameters) {
            auto op =
                make_unary(name, function, self.element_of(input), parameters, self.kernels());
            return self.add(std::move(op), input);
          },
          py::arg("name"), py::arg("function"), py::arg("input"),
          py::arg("parameters") = Parameters{},
          "An element-wise ONNX op by its type; parameters: up to two of its attributes.")
      .def(
          "binary",
          [](PyProgramBuilder& self, const std::string& name, const std::string& function, int a,
             int b) {
            return self.builder().add_op(make_binary(name, function, self.element_of(a)), {a, b});
          },
          py::arg("name"), py::arg("function"), py::arg("a"), py::arg("b"),
          "Operands of one type, broadcast against each other.")
      .def(
          "comparison",
          [](PyProgramBuilder& self, const std::string& name, const std::string& function, int a,
             int b) {
            auto op = make_comparison(name, function, self.element_of(a));
            return self.builder().add_op(std::move(op), {a, b});
          },
          py::arg("name"), py::arg("function"), py::arg("a"), py::arg("b"),
          "Function: \"Equal\", \"Less\" or \"LessOrEqual\"; the result is boolean.")
      .def(
          "where",
          [](PyProgramBuilder& self, const std::string& name, int condition, int x, int y) {
            auto op = make_where(name, self.element_of(x));
            return self.builder().add_op(std::move(op), {condition, x, y});
          },
          py::arg("name"), py::arg("condition"), py::arg("x"), py::arg("y"));
}

}  // namespace bnn
