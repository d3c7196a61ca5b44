// What the runtime knows of an operation: output shape from input shapes, scratch, and run.
//
// An op is immutable after construction, owns its weights in the layout its kernels want, and has
// one output. Its constructor validates every constant and attribute (packed files can be hostile),
// and infer() every shape, so run() checks nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/shape.h"

namespace bnn {

// f32: row-major floats. bits: ±1 packed along the last axis (base/bits.h).
enum class ElementType : std::uint8_t { f32, bits };

// Bytes of a tensor; throws ShapeError on overflow.
std::size_t tensor_bytes(ElementType type, const Shape& shape);

struct TensorView {
  std::byte* data = nullptr;
  Shape shape;

  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(data);
  }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data);
  }
};

struct OpContext {
  TensorView* values;              // all values of the program
  std::span<const int> input_ids;  // of this op
  int output_id;
  std::byte* scratch;  // 64-byte aligned, at least scratch_bytes() of the planned shapes

  const TensorView& input(int index) const {
    return values[input_ids[static_cast<std::size_t>(index)]];
  }
  TensorView& output() const { return values[output_id]; }
};

class Op {
 public:
  explicit Op(std::string name) : name_(std::move(name)) {}
  virtual ~Op() = default;
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;

  // Name of the graph node this op computes, for messages.
  const std::string& name() const { return name_; }

  virtual std::size_t input_count() const { return 1; }
  virtual ElementType input_type() const { return ElementType::f32; }
  virtual ElementType output_type() const { return ElementType::f32; }

  // The output's shape. Throws ShapeError where the inputs do not fit.
  virtual Shape infer(std::span<const Shape> inputs) const = 0;

  virtual std::size_t scratch_bytes(std::span<const Shape> /*inputs*/) const { return 0; }

  // Rough cost in CPU cycles, to decide whether threads pay.
  virtual double cycles(std::span<const Shape> inputs, const Shape& output) const {
    return static_cast<double>(inputs[0].elements() + output.elements()) / 8.0;
  }

  // True when an image is stored as [N, C, H, W] instead of channels last.
  virtual bool stores_channels_first() const { return false; }

  // True when the output is the input's memory under another shape; run() is then never called.
  virtual bool is_view() const { return false; }

  virtual void run(const OpContext& context) const = 0;

  // "xnor_gemm/avx2": the manifest row that runs; empty for ops without kernels.
  virtual std::string kernel() const { return {}; }

  // Bytes of constants held.
  virtual std::size_t constant_bytes() const { return 0; }

 protected:
  [[noreturn]] void bad_shape(const std::string& what) const {
    throw ShapeError("node '" + name_ + "': " + what);
  }
  [[noreturn]] void bad_model(const std::string& what) const {
    throw ModelFormatError("node '" + name_ + "': " + what);
  }

 private:
  std::string name_;
};

}  // namespace bnn
