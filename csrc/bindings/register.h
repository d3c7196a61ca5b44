// What each bindings file adds to the module.
#pragma once

#include <pybind11/pybind11.h>

namespace bnn {

void register_errors();
void register_cpu(pybind11::module_& module);
void register_program(pybind11::module_& module);

}  // namespace bnn
