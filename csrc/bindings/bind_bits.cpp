// Between numbers and planes of bits.
#include "bindings/program_builder.h"
#include "ops/packing.h"
#include "ops/pad_bits.h"
#include "ops/quantize.h"
#include "ops/sign.h"

namespace py = pybind11;

namespace bnn {

void register_bits(py::module_& module, ProgramBuilderClass& builder) {
  py::class_<BitPlanes>(
      module, "BitPlanes",
      "Bit epilogue of several planes: bit p of codes[level] in plane p, where "
      "the level of an accumulator is how many of the intervals hold it. Interval "
      "j contains interval j + 1.")
      .def(py::init(&level_planes), py::arg("node"), py::arg("levels"), py::arg("codes"),
           py::arg("planes"));

  builder
      .def(
          "binarize",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const Thresholds& thresholds) {
            return self.add(make_binarize(name, thresholds, self.kernels(), self.element_of(input)),
                            input);
          },
          py::arg("name"), py::arg("input"), py::arg("thresholds"))
      .def(
          "binarize_planar",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const Thresholds& thresholds) {
            return self.add(make_binarize_planar(name, thresholds, self.kernels()), input);
          },
          py::arg("name"), py::arg("input"), py::arg("thresholds"))
      .def(
          "bit_planes",
          [](PyProgramBuilder& self, const std::string& name, int input, const BitPlanes& planes,
             bool planar, bool watch_nan) {
            return self.add(make_bit_planes(name, planes, planar, watch_nan, self.kernels()),
                            input);
          },
          py::arg("name"), py::arg("input"), py::arg("planes"), py::arg("planar"),
          py::arg("watch_nan"),
          "planar: of channels-first floats. watch_nan: a NaN makes run() give up.")
      .def(
          "pack_signs",
          [](PyProgramBuilder& self, const std::string& name, int input, bool planar) {
            return self.add(make_pack_signs(name, planar, self.kernels()), input);
          },
          py::arg("name"), py::arg("input"), py::arg("planar"))
      .def(
          "pad_bits",
          [](PyProgramBuilder& self, const std::string& name, int input, int value,
             const std::vector<std::int64_t>& before, const std::vector<std::int64_t>& after,
             const InputCode& code) {
            return self.add(make_pad_bits(name, code, value, before, after), input);
          },
          py::arg("name"), py::arg("input"), py::arg("value"), py::arg("before"), py::arg("after"),
          py::arg("code"), "Surround packed images by pixels of `value`, a number of the code.")
      .def(
          "unpack",
          [](PyProgramBuilder& self, const std::string& name, int input) {
            return self.add(make_unpack(name, self.kernels()), input);
          },
          py::arg("name"), py::arg("input"))
      .def(
          "unpack_planar",
          [](PyProgramBuilder& self, const std::string& name, int input) {
            return self.add(make_unpack_planar(name, self.kernels()), input);
          },
          py::arg("name"), py::arg("input"))
      .def(
          "unpack_planes",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const ContiguousArray<float>& values) {
            return self.add(make_unpack_planes(name, as_vector(values)), input);
          },
          py::arg("name"), py::arg("input"), py::arg("values").noconvert(),
          "Floats: values[code] for the bits of an element, bit p of the code from plane p.");
}

}  // namespace bnn
