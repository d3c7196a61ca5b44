// NumPy arrays as tensors of the core.
#pragma once

#include <pybind11/numpy.h>

#include <string>

#include "base/shape.h"
#include "ops/op.h"

namespace bnn {

// "f32", "bool"; throws ModelFormatError for unknown names and for bits.
ElementType element_type(const std::string& name);

// "float32"; for messages. NumPy has no bfloat16: its bits are passed as uint16.
std::string dtype_text(ElementType type);

Shape shape_of(const pybind11::array& array);

// True for an array of elements `type` that lies in memory as kernels read it.
bool is_plain(const pybind11::array& array, ElementType type);

pybind11::array new_array(ElementType type, const Shape& shape);

}  // namespace bnn
