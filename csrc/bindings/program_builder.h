// The builder behind the Python class ProgramBuilder, whose methods several files add.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "kernels/kernel_set.h"
#include "runtime/program.h"

namespace bnn {

// A builder with the kernels of the instruction set that is active when it is made.
class PyProgramBuilder {
 public:
  PyProgramBuilder() : kernels_(kernel_set(active_isa())) {}

  ProgramBuilder& builder() { return builder_; }
  const KernelSet& kernels() const { return kernels_; }

  int add(std::unique_ptr<Op> op, int input) { return builder_.add_op(std::move(op), {input}); }
  TensorType type_of(int value) const { return builder_.type_of(value); }
  ElementType element_of(int value) const { return type_of(value).element; }
  bool stores_channels_first(int id) const { return channels_first_.contains(id); }

  // Remembers which layout the step stores its image in.
  int add_image(std::unique_ptr<Op> op, std::vector<int> inputs) {
    const bool channels_first = op->stores_channels_first();
    const int id = builder_.add_op(std::move(op), std::move(inputs));
    if (channels_first) channels_first_.insert(id);
    return id;
  }

 private:
  ProgramBuilder builder_;
  KernelSet kernels_;
  std::set<int> channels_first_;
};

using ProgramBuilderClass = pybind11::class_<PyProgramBuilder>;

// Methods by topic.
void register_elementwise(ProgramBuilderClass& builder);

}  // namespace bnn
