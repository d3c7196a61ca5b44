// What the files that add methods to ProgramBuilder share.
//
// A file bind_<topic>.cpp adds the methods of its topic to the class that register_program() makes.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kernels/kernel_set.h"
#include "ops/dot_layer.h"
#include "runtime/program.h"

namespace bnn {

template <class T>
using ContiguousArray = pybind11::array_t<T, pybind11::array::c_style>;

template <class T>
std::span<const T> as_span(const ContiguousArray<T>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

template <class T>
std::vector<T> as_vector(const ContiguousArray<T>& array) {
  return {array.data(), array.data() + array.size()};
}

// A sliding window over images of 1, 2 or 3 spatial axes. One axis is the width: the core takes
// lines for images of height 1.
struct PyWindow {
  Window window;
  int spatial_axes = 2;  // of the images in the core
};

// A float epilogue together with the values of the program that it adds.
struct PyFloatEpilogue {
  FloatEpilogue epilogue;
  std::vector<int> residuals;
};

using PyEpilogue = std::variant<PyFloatEpilogue, Thresholds, BitPlanes>;

Epilogue epilogue_of(const PyEpilogue& epilogue);

// A builder with the kernels of the instruction set that is active when it is made.
class PyProgramBuilder {
 public:
  PyProgramBuilder();

  ProgramBuilder& builder() { return builder_; }
  const KernelSet& kernels() const { return kernels_; }

  int add(std::unique_ptr<Op> op, int input) { return builder_.add_op(std::move(op), {input}); }
  TensorType type_of(int value) const { return builder_.type_of(value); }
  ElementType element_of(int value) const { return type_of(value).element; }
  bool stores_channels_first(int id) const { return channels_first_.contains(id); }

  // A layer's inputs are its own and what its epilogue adds.
  int add_layer(std::unique_ptr<Op> op, std::vector<int> inputs, const PyEpilogue& epilogue);

 private:
  ProgramBuilder builder_;
  KernelSet kernels_;
  std::set<int> channels_first_;
};

DotLayerSpec dense_spec(const std::string& name, std::int64_t outputs, std::int64_t features);

DotLayerSpec conv_spec(const std::string& name, std::int64_t outputs, std::int64_t channels,
                       std::int64_t groups, const PyWindow& window);

using ProgramBuilderClass = pybind11::class_<PyProgramBuilder>;

// One a file.
void register_binary_layers(pybind11::module_& module, ProgramBuilderClass& builder);
void register_bits(pybind11::module_& module, ProgramBuilderClass& builder);
void register_elementwise(ProgramBuilderClass& builder);
void register_indexing(pybind11::module_& module, ProgramBuilderClass& builder);
void register_moving(pybind11::module_& module, ProgramBuilderClass& builder);
void register_pooling(pybind11::module_& module, ProgramBuilderClass& builder);
void register_statistics(pybind11::module_& module, ProgramBuilderClass& builder);

}  // namespace bnn
