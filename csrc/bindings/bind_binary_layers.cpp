// Layers on packed bits, and what their operands' planes stand for.
#include "bindings/program_builder.h"

namespace py = pybind11;

namespace bnn {

void register_binary_layers(py::module_& module, ProgramBuilderClass& builder) {
  py::class_<InputCode>(module, "InputCode",
                        "What planes of bits stand for: by default one plane of -1 and +1. digits: "
                        "that many binary digits of a level; the number is level - zero, or 2 * "
                        "level - (2^digits - 1) where odd. ternary: signs, and a mask of what is "
                        "not 0.")
      .def(py::init([](int digits, int zero, bool odd, bool ternary) {
             return InputCode{.digits = digits, .ternary = ternary, .zero = zero, .odd = odd};
           }),
           py::arg("digits") = 0, py::arg("zero") = 0, py::arg("odd") = false,
           py::arg("ternary") = false);

  py::class_<WeightCode>(module, "WeightCode",
                         "w = (constant + sum of 2^shifts[q] * plane q) / (halved ? 2 : 1), planes "
                         "of -1 and +1.")
      .def(py::init([](std::vector<int> shifts, std::int32_t constant, bool halved) {
             return WeightCode{std::move(shifts), constant, halved};
           }),
           py::arg("shifts"), py::arg("constant"), py::arg("halved"));

  builder
      .def(
          "xnor_dense",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const ContiguousArray<std::uint64_t>& weights, std::int64_t outputs,
             std::int64_t features, const PyEpilogue& epilogue, const InputCode& input_code,
             const WeightCode& weight_code, std::int64_t pixels) {
            DotLayerSpec spec = dense_spec(name, outputs, features);
            spec.pixels = pixels;
            spec.input_code = input_code;
            spec.weight_code = weight_code;
            return self.add_layer(
                make_xnor_layer(spec, as_span(weights), epilogue_of(epilogue), self.kernels()),
                {input}, epilogue);
          },
          py::arg("name"), py::arg("input"), py::arg("weights").noconvert(), py::arg("outputs"),
          py::arg("features"), py::arg("epilogue"), py::arg("input_code"), py::arg("weight_code"),
          py::arg("pixels"), "pixels: of the flattened image that a row is, else 1.")
      .def(
          "xnor_conv",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const ContiguousArray<std::uint64_t>& weights, std::int64_t outputs,
             std::int64_t channels, std::int64_t groups, const PyWindow& window,
             const PyEpilogue& epilogue, const InputCode& input_code, const WeightCode& weight_code,
             bool channels_first) {
            DotLayerSpec spec = conv_spec(name, outputs, channels, groups, window);
            spec.input_code = input_code;
            spec.weight_code = weight_code;
            spec.channels_first = channels_first;
            return self.add_layer(
                make_xnor_layer(spec, as_span(weights), epilogue_of(epilogue), self.kernels()),
                {input}, epilogue);
          },
          py::arg("name"), py::arg("input"), py::arg("weights").noconvert(), py::arg("outputs"),
          py::arg("channels"), py::arg("groups"), py::arg("window"), py::arg("epilogue"),
          py::arg("input_code"), py::arg("weight_code"), py::arg("channels_first"),
          "channels_first: store [N, C, H, W] if the layer can, see stores_channels_first().")
      .def(
          "stores_channels_first",
          [](const PyProgramBuilder& self, int value) { return self.stores_channels_first(value); },
          py::arg("value"),
          "Whether an image is stored as [N, C, H, W] by the step that makes it.");
}

}  // namespace bnn
