// C++ errors become the Python classes of the same name in bnn_engine.errors.
#include "base/error.h"
#include "bindings/register.h"

namespace py = pybind11;

namespace bnn {
namespace {

void raise_python(const char* class_name, const char* message) {
  const py::object type = py::module_::import("bnn_engine.errors").attr(class_name);
  PyErr_SetString(type.ptr(), message);
}

}  // namespace

void register_errors() {
  py::register_exception_translator([](std::exception_ptr pointer) {
    if (!pointer) return;
    try {
      std::rethrow_exception(pointer);
    } catch (const ModelFormatError& error) {
      raise_python("ModelFormatError", error.what());
    } catch (const ShapeError& error) {
      raise_python("ShapeError", error.what());
    } catch (const IsaError& error) {
      raise_python("IsaError", error.what());
    } catch (const Error& error) {
      raise_python("BnnError", error.what());
    }
  });
}

}  // namespace bnn
