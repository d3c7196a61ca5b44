// What the runtime knows of an operation: output shape from input shapes, scratch, and run.
//
// An op is immutable after construction and owns its weights in the layout its kernels want. All of
// its outputs have one shape and differ in type. Its constructor validates every constant and
// attribute (packed files can be hostile), and infer() every shape, so run() checks nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/shape.h"

namespace bnn {

// All but bits: row-major elements. boolean: a byte of 0 or 1. f16, bf16: the 16 bits of IEEE 754
// binary16 and of the upper half of a binary32. bits: planes packed along the last axis
// (base/bits.h).
enum class ElementType : std::uint8_t {
  f32,
  f64,
  f16,
  bf16,
  i8,
  u8,
  i16,
  u16,
  i32,
  u32,
  i64,
  u64,
  boolean,
  bits
};

// "f32", "bool"; for messages and bindings.
std::string element_name(ElementType type);

// How a tensor's elements lie in memory: of packed bits, `planes` whole tensors one after the
// other.
struct TensorType {
  // Implicit: most tensors have one plane.
  TensorType(ElementType e, int p = 1) : element(e), planes(p) {}

  ElementType element;
  int planes;
  friend bool operator==(const TensorType&, const TensorType&) = default;
  // "f32", "bits (2 planes)", for messages.
  std::string text() const;
};

// Bytes of a tensor; throws ShapeError on overflow.
std::size_t tensor_bytes(TensorType type, const Shape& shape);

// Bytes of one element, of a type other than bits.
std::size_t element_bytes(ElementType type);

struct TensorView {
  std::byte* data = nullptr;
  Shape shape;
  // Of ternary bits, set by the op that makes them: whether any element may be 0.
  bool has_zeros = false;

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
  std::span<const int> output_ids;
  std::byte* scratch;  // 64-byte aligned, at least scratch_bytes() of the planned shapes
  // Set by an op whose output has no bits for a NaN that it read; what follows is then meaningless.
  bool* saw_nan = nullptr;

  const TensorView& input(int index) const {
    return values[input_ids[static_cast<std::size_t>(index)]];
  }
  TensorView& output(int index = 0) const {
    return values[output_ids[static_cast<std::size_t>(index)]];
  }
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
  virtual TensorType input_type(std::size_t /*index*/) const { return ElementType::f32; }
  virtual std::size_t output_count() const { return 1; }
  virtual TensorType output_type(std::size_t /*index*/) const { return ElementType::f32; }

  // The shape of every output. Throws ShapeError where the inputs do not fit.
  virtual Shape infer(std::span<const Shape> inputs) const = 0;

  virtual std::size_t scratch_bytes(std::span<const Shape> /*inputs*/) const { return 0; }

  // Rough cost in CPU cycles, to decide whether threads pay.
  virtual double cycles(std::span<const Shape> inputs, const Shape& output) const {
    return static_cast<double>(inputs[0].elements() + output.elements()) / 8.0;
  }

  // True when an image is stored as [N, C, H, W] instead of channels last.
  virtual bool stores_channels_first() const { return false; }

  // True when the one output is the first input's memory under another shape; run() is then never
  // called.
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
