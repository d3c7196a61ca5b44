// Errors of the core. The bindings translate each class to the Python class of the same name.
#pragma once

#include <stdexcept>
#include <string>

namespace bnn {

// Root: the message says what was wrong, where, and what to do.
class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A program description that is inconsistent (possibly a hostile packed file).
class ModelFormatError : public Error {
  using Error::Error;
};

// Inputs whose rank or extents do not fit the program.
class ShapeError : public Error {
  using Error::Error;
};

// A forced instruction set that is unknown or unsupported here.
class IsaError : public Error {
  using Error::Error;
};

}  // namespace bnn
