// Methods of ProgramBuilder for ops that move elements.
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bindings/program_builder.h"
#include "ops/concat.h"
#include "ops/index_axes.h"

namespace py = pybind11;

namespace bnn {
namespace {

// A class of its own: pybind11 would take the variant apart.
struct PyAxisIndex {
  AxisIndex index;
};

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

}  // namespace

void register_moving(py::module_& module, ProgramBuilderClass& builder) {
  py::class_<PyAxisIndex>(module, "AxisIndex", "Which positions of an axis index_axes() picks.")
      .def_static("keep", [] { return PyAxisIndex{KeepAxis{}}; })
      .def_static(
          "slice",
          [](std::int64_t first, std::int64_t last, std::int64_t step) {
            return PyAxisIndex{SliceAxis{first, last, step}};
          },
          py::arg("first"), py::arg("last"), py::arg("step"))
      .def_static(
          "pad",
          [](std::int64_t before, std::int64_t after) {
            return PyAxisIndex{PadAxis{before, after}};
          },
          py::arg("before"), py::arg("after"))
      .def_static(
          "list",
          [](std::int64_t extent, const ContiguousArray<std::int64_t>& positions) {
            return PyAxisIndex{ListAxis{extent, as_vector(positions)}};
          },
          py::arg("extent"), py::arg("positions").noconvert());

  builder
      .def(
          "concat",
          [](PyProgramBuilder& self, const std::string& name, std::vector<int> inputs, int axis) {
            if (inputs.empty()) throw ModelFormatError("node '" + name + "': nothing to join");
            const TensorType type = self.type_of(inputs.front());
            auto op = make_concat(name, axis, inputs.size(), type);
            return self.builder().add_op(std::move(op), std::move(inputs));
          },
          py::arg("name"), py::arg("inputs"), py::arg("axis"))
      .def(
          "index_axes",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const std::vector<PyAxisIndex>& axes, const py::bytes& fill) {
            std::vector<AxisIndex> indices;
            for (const PyAxisIndex& axis : axes) indices.push_back(axis.index);
            return self.add(
                make_index_axes(name, std::move(indices), self.type_of(input), bytes_of(fill)),
                input);
          },
          py::arg("name"), py::arg("input"), py::arg("axes"), py::arg("fill") = py::bytes(),
          "Elements picked axis by axis; `fill` holds the bytes of an element for positions that "
          "lie outside.");
}

}  // namespace bnn
