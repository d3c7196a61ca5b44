// Methods of ProgramBuilder for ops that sum, weigh or normalize along axes.
#include <optional>
#include <string>
#include <vector>

#include "bindings/program_builder.h"
#include "ops/conv_transpose.h"
#include "ops/local_response.h"
#include "ops/matmul.h"
#include "ops/normalize.h"
#include "ops/reduce.h"
#include "ops/resample.h"
#include "ops/softmax.h"

namespace py = pybind11;

namespace bnn {

void register_statistics(py::module_&, ProgramBuilderClass& builder) {
  builder
      .def(
          "reduce",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const std::string& operation, std::vector<int> axes, bool keep_axes) {
            return self.add(make_reduce(name, reduction_of(operation), std::move(axes), keep_axes,
                                        self.element_of(input)),
                            input);
          },
          py::arg("name"), py::arg("input"), py::arg("operation"), py::arg("axes"),
          py::arg("keep_axes"), "operation: an ONNX op type, \"ReduceMean\".")
      .def(
          "softmax",
          [](PyProgramBuilder& self, const std::string& name, int input, bool logarithm, int axis) {
            return self.add(make_softmax(name, logarithm, axis), input);
          },
          py::arg("name"), py::arg("input"), py::arg("logarithm"), py::arg("axis") = -1)
      .def(
          "hardmax",
          [](PyProgramBuilder& self, const std::string& name, int input, int axis) {
            return self.add(make_hardmax(name, axis), input);
          },
          py::arg("name"), py::arg("input"), py::arg("axis"))
      .def(
          "normalize",
          [](PyProgramBuilder& self, const std::string& name, int input, int channel_axis,
             int inner_axis, std::int64_t groups, float epsilon, bool centered,
             const ContiguousArray<float>& scale,
             const std::optional<ContiguousArray<float>>& bias) {
            NormalizationSpec spec;
            spec.channel_axis = channel_axis;
            spec.inner_axis = inner_axis;
            spec.groups = groups;
            spec.epsilon = epsilon;
            spec.centered = centered;
            spec.scale = as_vector(scale);
            if (bias) spec.bias = as_vector(*bias);
            return self.add(make_normalize(name, std::move(spec)), input);
          },
          py::arg("name"), py::arg("input"), py::arg("channel_axis"), py::arg("inner_axis"),
          py::arg("groups"), py::arg("epsilon"), py::arg("centered"), py::arg("scale").noconvert(),
          py::arg("bias").noconvert())
      .def(
          "local_response",
          [](PyProgramBuilder& self, const std::string& name, int input, int axis,
             std::int64_t size, float alpha, float beta, float bias) {
            return self.add(make_local_response(name, axis, size, alpha, beta, bias), input);
          },
          py::arg("name"), py::arg("input"), py::arg("axis"), py::arg("size"), py::arg("alpha"),
          py::arg("beta"), py::arg("bias"))
      .def(
          "resample",
          [](PyProgramBuilder& self, const std::string& name, int input, int axis,
             std::int64_t extent, const ContiguousArray<std::int64_t>& positions,
             const ContiguousArray<float>& weights) {
            if (positions.ndim() != 2) throw ModelFormatError("positions are not [outputs, taps]");
            return self.add(make_resample(name, axis, extent, positions.shape(1),
                                          as_vector(positions), as_vector(weights)),
                            input);
          },
          py::arg("name"), py::arg("input"), py::arg("axis"), py::arg("extent"),
          py::arg("positions").noconvert(), py::arg("weights").noconvert(),
          "positions and weights: [outputs, taps].")
      .def(
          "matmul",
          [](PyProgramBuilder& self, const std::string& name, int a, int b, bool transpose_b) {
            return self.builder().add_op(make_matmul(name, transpose_b, self.kernels()), {a, b});
          },
          py::arg("name"), py::arg("a"), py::arg("b"), py::arg("transpose_b"))
      .def(
          "conv_transpose",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const ContiguousArray<float>& weights,
             const std::optional<ContiguousArray<float>>& bias, std::int64_t channels,
             std::int64_t outputs, std::int64_t groups, const PyWindow& window,
             std::vector<std::int64_t> extra) {
            ConvTransposeSpec spec;
            spec.channels = channels;
            spec.outputs = outputs;
            spec.groups = groups;
            spec.spatial_axes = window.spatial_axes;
            spec.window = window.window;
            spec.extra = std::move(extra);
            spec.weights = as_vector(weights);
            if (bias) spec.bias = as_vector(*bias);
            return self.add(make_conv_transpose(name, std::move(spec)), input);
          },
          py::arg("name"), py::arg("input"), py::arg("weights").noconvert(),
          py::arg("bias").noconvert(), py::arg("channels"), py::arg("outputs"), py::arg("groups"),
          py::arg("window"), py::arg("extra"),
          "weights: [groups][taps][channels / groups][outputs / groups].");
}

}  // namespace bnn
