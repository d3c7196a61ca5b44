// Ops that compute each element of the result from one element of every operand.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/kernel_set.h"
#include "ops/broadcast.h"
#include "ops/op.h"

namespace bnn {

// Attributes of functions that have some, in the order in which their table names them.
using Parameters = std::array<double, 2>;

// A run of elements: result[i] = f(operands[0][i], operands[1][i], ...), where an operand that
// stays is one element for all i. The result overlaps no operand.
struct ElementRun {
  std::array<const std::byte*, kMaxOperands> operands{};
  std::array<bool, kMaxOperands> stays{};
  std::byte* result = nullptr;
  std::int64_t count = 0;
  Parameters parameters{};
  ExponentialF32Fn kernel = nullptr;  // of functions that have one
};

using ElementLoop = void (*)(const ElementRun& run);

struct ElementwiseSpec {
  std::string name;
  std::vector<ElementType> operands;  // at most kMaxOperands
  ElementType result;
  ElementLoop loop;  // for these types
  Parameters parameters{};
  double cycles_per_element = 1;
  Variant<ExponentialF32Fn> kernel{};
};

// The op that runs `loop` over its operands, broadcast against each other.
std::unique_ptr<Op> make_elementwise(ElementwiseSpec spec);

// y = function(x) for the ONNX op types in unary_functions.cpp, of elements `type`; the result of
// IsInf, IsNaN and Not is boolean.
std::unique_ptr<Op> make_unary(const std::string& name, const std::string& function,
                               ElementType type, const Parameters& parameters,
                               const KernelSet& kernels);

// function(a, b) for the ONNX op types in binary_functions.cpp and comparisons.cpp, both operands
// of elements `type`; the result of comparisons is boolean.
//
// Integers wrap. An integer divided by 0 is 0, as is its remainder. FlooredMod and TruncatedMod are
// the kinds of ONNX Mod, ShiftLeft and ShiftRight those of BitShift.
std::unique_ptr<Op> make_binary(const std::string& name, const std::string& function,
                                ElementType type);
std::unique_ptr<Op> make_comparison(const std::string& name, const std::string& function,
                                    ElementType type);

// ONNX Where: elements `type` of the second operand where the first, boolean, is true, else of the
// third.
std::unique_ptr<Op> make_where(const std::string& name, ElementType type);

}  // namespace bnn
