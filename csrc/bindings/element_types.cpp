#include "bindings/element_types.h"

#include <cstdint>
#include <vector>

namespace py = pybind11;

namespace bnn {
namespace {

constexpr ElementType kTypes[] = {
    ElementType::f32, ElementType::f64, ElementType::f16,    ElementType::bf16, ElementType::i8,
    ElementType::u8,  ElementType::i16, ElementType::u16,    ElementType::i32,  ElementType::u32,
    ElementType::i64, ElementType::u64, ElementType::boolean};

// The dtype of the arrays that hold elements of `type`.
py::dtype dtype_of(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return py::dtype::of<double>();
    case ElementType::f16:
      return py::dtype("float16");
    case ElementType::i8:
      return py::dtype::of<std::int8_t>();
    case ElementType::u8:
      return py::dtype::of<std::uint8_t>();
    case ElementType::i16:
      return py::dtype::of<std::int16_t>();
    case ElementType::u16:
    case ElementType::bf16:
      return py::dtype::of<std::uint16_t>();
    case ElementType::i32:
      return py::dtype::of<std::int32_t>();
    case ElementType::u32:
      return py::dtype::of<std::uint32_t>();
    case ElementType::i64:
      return py::dtype::of<std::int64_t>();
    case ElementType::u64:
      return py::dtype::of<std::uint64_t>();
    case ElementType::boolean:
      return py::dtype::of<bool>();
    default:
      return py::dtype::of<float>();
  }
}

}  // namespace

ElementType element_type(const std::string& name) {
  for (const ElementType type : kTypes) {
    if (name == element_name(type)) return type;
  }
  throw ModelFormatError("unknown element type '" + name + "'");
}

std::string dtype_text(ElementType type) { return py::str(dtype_of(type)); }

Shape shape_of(const py::array& array) {
  const std::vector<std::int64_t> dims(array.shape(), array.shape() + array.ndim());
  return Shape(dims);
}

bool is_plain(const py::array& array, ElementType type) {
  constexpr int kWanted =
      py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  return (array.flags() & kWanted) == kWanted &&
         py::detail::npy_api::get().PyArray_EquivTypes_(array.dtype().ptr(), dtype_of(type).ptr());
}

py::array new_array(ElementType type, const Shape& shape) {
  const std::vector<py::ssize_t> extents(shape.dims().begin(), shape.dims().end());
  return py::array(dtype_of(type), extents);
}

}  // namespace bnn
