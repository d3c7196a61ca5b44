// Programs and their builder. Every method of the builder adds one op and returns its output's id.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bindings/element_types.h"
#include "bindings/program_builder.h"
#include "bindings/register.h"
#include "kernels/kernel_set.h"
#include "ops/channel_arithmetic.h"
#include "ops/dot_layer.h"
#include "ops/layout.h"
#include "runtime/program.h"

namespace py = pybind11;

namespace bnn {
namespace {

// [axes] each, and pads of all begins before all ends as in ONNX.
PyWindow make_window(const std::vector<std::int64_t>& kernel,
                     const std::vector<std::int64_t>& strides,
                     const std::vector<std::int64_t>& pads,
                     const std::vector<std::int64_t>& dilations) {
  const std::size_t axes = kernel.size();
  if (axes < 1 || axes > 3 || strides.size() != axes || pads.size() != 2 * axes ||
      dilations.size() != axes) {
    throw ModelFormatError("a window of " + std::to_string(axes) + " axes");
  }
  PyWindow made{.window = {}, .spatial_axes = axes == 3 ? 3 : 2};
  WindowAxis* const last_first[] = {&made.window.w, &made.window.h, &made.window.d};
  for (std::size_t i = 0; i < axes; ++i) {
    *last_first[axes - 1 - i] = {kernel[i], strides[i], pads[i], pads[axes + i], dilations[i]};
  }
  return made;
}

EpilogueKind epilogue_kind(const std::string& name) {
  constexpr std::pair<std::string_view, EpilogueKind> kKinds[] = {
      {"add", EpilogueKind::add},          {"mul", EpilogueKind::mul},
      {"div", EpilogueKind::div},          {"max", EpilogueKind::max},
      {"min", EpilogueKind::min},          {"prelu", EpilogueKind::prelu},
      {"add_rows", EpilogueKind::add_rows}};
  for (const auto& [known, kind] : kKinds) {
    if (name == known) return kind;
  }
  throw ModelFormatError("unknown epilogue step '" + name + "'");
}

// ("add_rows", value) or (another kind, operand).
using PyStep = std::pair<std::string, std::variant<int, ContiguousArray<float>>>;

PyFloatEpilogue make_float_epilogue(const std::vector<PyStep>& steps,
                                    const std::optional<Thresholds>& thresholds, bool keep_floats) {
  PyFloatEpilogue made{
      .epilogue = {.steps = {}, .thresholds = thresholds, .keep_floats = keep_floats},
      .residuals = {}};
  for (const auto& [name, operand] : steps) {
    const EpilogueKind kind = epilogue_kind(name);
    const int* value = std::get_if<int>(&operand);
    if ((value != nullptr) != (kind == EpilogueKind::add_rows)) {
      throw ModelFormatError("epilogue step '" + name + "' has the wrong kind of operand");
    }
    if (value != nullptr) {
      made.residuals.push_back(*value);
      made.epilogue.steps.push_back({kind, {}});
    } else {
      made.epilogue.steps.push_back({kind, as_vector(std::get<ContiguousArray<float>>(operand))});
    }
  }
  return made;
}

// --- running
// ---------------------------------------------------------------------------------------

// Runs on arrays that is_plain() accepts. `out`: arrays to fill, empty for new ones. None where
// Program::run() gives up.
py::object run_arrays(const Program& program, const std::vector<py::array>& inputs,
                      std::vector<py::array> out) {
  std::vector<Shape> shapes;
  std::vector<const void*> sources;
  if (inputs.size() != program.inputs().size()) {
    throw py::value_error("wrong number of input arrays");
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ProgramInput& declared = program.inputs()[i];
    if (!is_plain(inputs[i], declared.type)) {
      throw py::type_error("input '" + declared.name + "' must be a C-contiguous " +
                           dtype_text(declared.type) + " array");
    }
    shapes.push_back(shape_of(inputs[i]));
    sources.push_back(inputs[i].data());
  }
  const std::vector<Shape> results = program.output_shapes(shapes);
  if (out.empty()) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      out.push_back(new_array(program.output_type(i), results[i]));
    }
  }
  if (out.size() != results.size()) throw py::value_error("wrong number of output arrays");
  std::vector<void*> targets;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!is_plain(out[i], program.output_type(i)) || !out[i].writeable()) {
      throw py::type_error("output " + std::to_string(i) + " must be a writeable C-contiguous " +
                           dtype_text(program.output_type(i)) + " array");
    }
    const Shape shape = shape_of(out[i]);
    if (!(shape == results[i])) {
      throw ShapeError("out has shape " + shape.text() + ", the result " + results[i].text());
    }
    targets.push_back(out[i].mutable_data());
  }
  bool ok = false;
  {
    const py::gil_scoped_release release;
    ok = program.run(shapes, sources, targets);
  }
  if (!ok) return py::none();
  py::tuple result(out.size());
  for (std::size_t i = 0; i < out.size(); ++i) result[i] = std::move(out[i]);
  return result;
}

// The short way of predict(): one plain array in, one new array out; None when `x` is not plain, or
// where Program::run() gives up.
py::object run_plain(const Program& program, const py::object& x) {
  if (!py::isinstance<py::array>(x)) return py::none();
  const py::array array = py::reinterpret_borrow<py::array>(x);
  if (!is_plain(array, program.inputs().front().type)) return py::none();
  const std::array<Shape, 1> shapes{shape_of(array)};
  const std::vector<Shape> results = program.output_shapes(shapes);
  py::array out = new_array(program.output_type(0), results.front());
  const std::array<const void*, 1> sources{array.data()};
  const std::array<void*, 1> targets{out.mutable_data()};
  bool ok = false;
  {
    const py::gil_scoped_release release;
    ok = program.run(shapes, sources, targets);
  }
  if (!ok) return py::none();
  return out;
}

}  // namespace

void register_program(py::module_& module) {
  py::class_<Program>(module, "Program", "An immutable network, ready to run.")
      .def("run", &run_arrays, py::arg("inputs"), py::arg("out") = std::vector<py::array>{},
           "Compute all outputs of C-contiguous inputs of the declared types; fills `out` when "
           "given. None when a NaN reached signs that are packed: run the same network in floats.")
      .def("run_plain", &run_plain, py::arg("x"),
           "One input, one output: the result, or None when x is not a C-contiguous array of the "
           "input's type or run() gives None.")
      .def("trim", &Program::trim, "Free cached plans and workspaces.")
      .def(
          "steps",
          [](const Program& program) {
            std::vector<std::tuple<int, std::string, std::string, std::size_t>> rows;
            for (const Step& step : program.steps()) {
              rows.emplace_back(step.outputs[0], step.op->name(), step.op->kernel(),
                                program.constant_bytes(step));
            }
            return rows;
          },
          "(id of the first output, node name, kernel, bytes of constants) of every step in "
          "order.");

  py::class_<Thresholds>(module, "Thresholds",
                         "Bit epilogue: +1 where lower <= accumulator <= upper, else -1.")
      .def(py::init([](const ContiguousArray<float>& lower, const ContiguousArray<float>& upper,
                       bool inverted) {
             return Thresholds{as_vector(lower), as_vector(upper), inverted};
           }),
           py::arg("lower").noconvert(), py::arg("upper").noconvert(), py::arg("inverted"));

  py::class_<PyFloatEpilogue>(
      module, "FloatEpilogue",
      "Steps (\"add\" | \"mul\" | \"div\" | \"max\" | \"min\" | \"prelu\", operand per channel) or "
      "(\"add_rows\", value of the program); gives floats, then bits where thresholds are given.")
      .def(py::init(&make_float_epilogue), py::arg("steps"), py::arg("thresholds") = py::none(),
           py::arg("keep_floats") = true);
  module.attr("MAX_EPILOGUE_STEPS") = kMaxEpilogueSteps;

  ProgramBuilderClass builder(module, "ProgramBuilder",
                              "Builds a Program for the active instruction set, op by op.");
  register_binary_layers(module, builder);
  register_bits(module, builder);
  register_elementwise(builder);
  register_indexing(module, builder);
  register_moving(module, builder);
  register_pooling(module, builder);
  register_statistics(module, builder);
  builder.def(py::init<>())
      .def(
          "input",
          [](PyProgramBuilder& self, std::string name, const std::vector<std::int64_t>& declared,
             const std::string& type) {
            return self.builder().add_input(std::move(name), Shape(declared), element_type(type));
          },
          py::arg("name"), py::arg("declared"), py::arg("type") = "f32",
          "Type: f32, f64, f16, bf16 (as uint16 arrays), i8 ... u64 or bool.")
      .def(
          "constant",
          [](PyProgramBuilder& self, const py::array& array, const std::string& type) {
            const ElementType element = element_type(type);
            if (!is_plain(array, element)) {
              throw py::type_error("a constant must be a C-contiguous " + dtype_text(element) +
                                   " array");
            }
            return self.builder().add_constant(element, shape_of(array),
                                               {static_cast<const std::byte*>(array.data()),
                                                static_cast<std::size_t>(array.nbytes())});
          },
          py::arg("array"), py::arg("type"), "A tensor that is the same in every call.")
      .def(
          "binary_weight_dense",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const ContiguousArray<std::uint8_t>& weights, std::int64_t outputs,
             std::int64_t features, const PyEpilogue& epilogue) {
            return self.add_layer(
                make_binary_weight_layer(dense_spec(name, outputs, features), as_span(weights),
                                         epilogue_of(epilogue), self.kernels()),
                {input}, epilogue);
          },
          py::arg("name"), py::arg("input"), py::arg("weights").noconvert(), py::arg("outputs"),
          py::arg("features"), py::arg("epilogue"))
      .def(
          "binary_weight_conv",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const ContiguousArray<std::uint8_t>& weights, std::int64_t outputs,
             std::int64_t channels, const PyWindow& window, const PyEpilogue& epilogue,
             bool planar) {
            DotLayerSpec spec = conv_spec(name, outputs, channels, 1, window);
            spec.planar_input = planar;
            return self.add_layer(make_binary_weight_layer(spec, as_span(weights),
                                                           epilogue_of(epilogue), self.kernels()),
                                  {input}, epilogue);
          },
          py::arg("name"), py::arg("input"), py::arg("weights").noconvert(), py::arg("outputs"),
          py::arg("channels"), py::arg("window"), py::arg("epilogue"), py::arg("planar"),
          "planar: the image is [N, C, ...], and K runs over [C][taps].")
      .def(
          "byte_dense",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const ContiguousArray<std::uint8_t>& weights, std::int64_t outputs,
             std::int64_t features, const PyEpilogue& epilogue) {
            return self.add_layer(
                make_byte_layer(dense_spec(name, outputs, features), self.element_of(input),
                                as_span(weights), epilogue_of(epilogue), self.kernels()),
                {input}, epilogue);
          },
          py::arg("name"), py::arg("input"), py::arg("weights").noconvert(), py::arg("outputs"),
          py::arg("features"), py::arg("epilogue"))
      .def(
          "byte_conv",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const ContiguousArray<std::uint8_t>& weights, std::int64_t outputs,
             std::int64_t channels, const PyWindow& window, const PyEpilogue& epilogue) {
            return self.add_layer(make_byte_layer(conv_spec(name, outputs, channels, 1, window),
                                                  self.element_of(input), as_span(weights),
                                                  epilogue_of(epilogue), self.kernels()),
                                  {input}, epilogue);
          },
          py::arg("name"), py::arg("input"), py::arg("weights").noconvert(), py::arg("outputs"),
          py::arg("channels"), py::arg("window"), py::arg("epilogue"))
      .def(
          "f32_dense",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const ContiguousArray<float>& weights, std::int64_t outputs, std::int64_t features,
             const PyEpilogue& epilogue) {
            return self.add_layer(
                make_f32_layer(dense_spec(name, outputs, features), as_span(weights),
                               epilogue_of(epilogue), self.kernels()),
                {input}, epilogue);
          },
          py::arg("name"), py::arg("input"), py::arg("weights").noconvert(), py::arg("outputs"),
          py::arg("features"), py::arg("epilogue"))
      .def(
          "f32_conv",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const ContiguousArray<float>& weights, std::int64_t outputs, std::int64_t channels,
             std::int64_t groups, const PyWindow& window, const PyEpilogue& epilogue, bool planar) {
            DotLayerSpec spec = conv_spec(name, outputs, channels, groups, window);
            spec.planar_input = planar;
            return self.add_layer(
                make_f32_layer(spec, as_span(weights), epilogue_of(epilogue), self.kernels()),
                {input}, epilogue);
          },
          py::arg("name"), py::arg("input"), py::arg("weights").noconvert(), py::arg("outputs"),
          py::arg("channels"), py::arg("groups"), py::arg("window"), py::arg("epilogue"),
          py::arg("planar"), "planar: the image is [N, C, ...], and K runs over [C][taps].")
      .def(
          "channel_arithmetic",
          [](PyProgramBuilder& self, const std::string& name, int input,
             const PyFloatEpilogue& steps) {
            return self.add(make_channel_arithmetic(name, steps.epilogue, self.kernels()), input);
          },
          py::arg("name"), py::arg("input"), py::arg("steps"))
      .def(
          "reshape",
          [](PyProgramBuilder& self, const std::string& name, int input,
             std::vector<std::int64_t> target) {
            return self.add(make_reshape(name, std::move(target), self.element_of(input)), input);
          },
          py::arg("name"), py::arg("input"), py::arg("target"))
      .def(
          "permute",
          [](PyProgramBuilder& self, const std::string& name, int input, std::vector<int> order) {
            return self.add(
                make_permute(name, std::move(order), self.kernels(), self.element_of(input)),
                input);
          },
          py::arg("name"), py::arg("input"), py::arg("order"))
      .def(
          "finish",
          [](PyProgramBuilder& self, const std::vector<int>& outputs, bool rows_independent,
             int num_threads) {
            return self.builder().finish(outputs, rows_independent, num_threads);
          },
          py::arg("outputs"), py::arg("rows_independent"), py::arg("num_threads"));

  py::class_<PyWindow>(
      module, "Window",
      "A sliding window over 1 to 3 spatial axes, one number each; pads: all begins "
      "before all ends. Lines of one axis run as images of height 1.")
      .def(py::init(&make_window), py::arg("kernel"), py::arg("strides"), py::arg("pads"),
           py::arg("dilations"));
}

}  // namespace bnn
