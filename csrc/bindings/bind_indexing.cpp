// Methods of ProgramBuilder for ops that look elements up or order them.
#include <cstring>
#include <string>
#include <string_view>

#include "bindings/element_types.h"
#include "bindings/program_builder.h"
#include "ops/cumulative_sum.h"
#include "ops/gather.h"
#include "ops/one_hot.h"
#include "ops/order.h"
#include "ops/trilu.h"

namespace py = pybind11;

namespace bnn {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

// A method gather*(name, data, indices, axis) over one of the ops of gather.h.
template <auto kMake>
int add_gather(PyProgramBuilder& self, const std::string& name, int data, int indices, int axis) {
  auto op = kMake(name, axis, self.element_of(data), self.element_of(indices));
  return self.builder().add_op(std::move(op), {data, indices});
}

}  // namespace

void register_indexing(py::module_&, ProgramBuilderClass& builder) {
  builder
      .def("gather", &add_gather<&make_gather>, py::arg("name"), py::arg("data"),
           py::arg("indices"), py::arg("axis"))
      .def("gather_elements", &add_gather<&make_gather_elements>, py::arg("name"), py::arg("data"),
           py::arg("indices"), py::arg("axis"))
      .def("gather_nd", &add_gather<&make_gather_nd>, py::arg("name"), py::arg("data"),
           py::arg("indices"), py::arg("batch_axes"))
      .def(
          "extreme",
          [](PyProgramBuilder& self, const std::string& name, int input, int axis, bool largest,
             bool keep_axis, bool last) {
            const ExtremeSpec spec{axis, largest, keep_axis, last};
            return self.add(make_extreme(name, spec, self.element_of(input)), input);
          },
          py::arg("name"), py::arg("input"), py::arg("axis"), py::arg("largest"),
          py::arg("keep_axis"), py::arg("last"))
      .def(
          "top_k",
          [](PyProgramBuilder& self, const std::string& name, int input, int axis,
             std::int64_t count, bool largest) {
            return self.add(make_top_k(name, axis, count, largest, self.element_of(input)), input);
          },
          py::arg("name"), py::arg("input"), py::arg("axis"), py::arg("count"), py::arg("largest"),
          "The id of the values; the next one is that of their positions.")
      .def(
          "cumulative_sum",
          [](PyProgramBuilder& self, const std::string& name, int input, int axis, bool exclusive,
             bool reverse) {
            return self.add(
                make_cumulative_sum(name, axis, exclusive, reverse, self.element_of(input)), input);
          },
          py::arg("name"), py::arg("input"), py::arg("axis"), py::arg("exclusive"),
          py::arg("reverse"))
      .def(
          "one_hot",
          [](PyProgramBuilder& self, const std::string& name, int input, int axis,
             std::int64_t depth, const std::string& type, const py::bytes& off,
             const py::bytes& on) {
            return self.add(make_one_hot(name, {axis, depth, self.element_of(input),
                                                element_type(type), bytes_of(off), bytes_of(on)}),
                            input);
          },
          py::arg("name"), py::arg("input"), py::arg("axis"), py::arg("depth"), py::arg("type"),
          py::arg("off"), py::arg("on"), "off, on: the bytes of one element of `type`.")
      .def(
          "trilu",
          [](PyProgramBuilder& self, const std::string& name, int input, bool upper,
             std::int64_t diagonal) {
            return self.add(make_trilu(name, upper, diagonal, self.element_of(input)), input);
          },
          py::arg("name"), py::arg("input"), py::arg("upper"), py::arg("diagonal"));
}

}  // namespace bnn
