#include "bindings/register.h"

PYBIND11_MODULE(_core, module) {
  module.doc() = "Compiled core of bnn_engine: programs of packed and float layers.";
  bnn::register_errors();
  bnn::register_cpu(module);
  bnn::register_program(module);
}
