// A network as an immutable list of ops, and its execution.
//
// Building validates once; running plans memory per input shape (cached), needs no lock while it
// computes, and allocates nothing once a shape's workspace exists. Where axis 0 is a batch of
// independent rows, execution goes through it in chunks that keep activations in cache, spread over
// threads: a row's answer depends neither on the chunk nor on the thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/aligned.h"
#include "base/shape.h"
#include "ops/op.h"

namespace bnn {

struct ProgramInput {
  std::string name;
  ElementType type;
  Shape declared;  // −1 where an extent is free
};

// A tensor that steps read and that is the same in every call. Its rows are not those of a batch.
struct ProgramConstant {
  int id;
  Shape shape;
  AlignedArray<std::byte> data;
};

// One op with the ids of the values it reads and writes.
struct Step {
  std::unique_ptr<Op> op;
  std::vector<int> inputs;
  std::vector<int> outputs;
};

class Program {
 public:
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  const std::vector<ProgramInput>& inputs() const { return inputs_; }
  std::size_t output_count() const { return outputs_.size(); }
  ElementType output_type(std::size_t index) const {
    return types_[static_cast<std::size_t>(outputs_[index])].element;
  }
  const std::vector<Step>& steps() const { return steps_; }

  // Bytes of constants that a step holds or reads.
  std::size_t constant_bytes(const Step& step) const;

  // Checks the shapes of all inputs; returns those of the outputs. Throws ShapeError.
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const;

  // Computes all outputs. `inputs` are row-major arrays of the declared types and the given shapes,
  // `outputs` arrays of the inferred shapes and of output_type(); they must not overlap.
  // Thread-safe.
  //
  // False when an op read a NaN that its packed output cannot hold (ONNX Sign): the outputs are
  // then undefined, and the network has to be run in floats.
  [[nodiscard]] bool run(std::span<const Shape> shapes, std::span<const void* const> inputs,
                         std::span<void* const> outputs) const;

  // Frees cached plans and workspaces that no call is using.
  void trim() const;

 private:
  friend class ProgramBuilder;
  struct Plan;
  struct Workspace;
  class WorkspaceLease;

  Program() = default;

  void check_inputs(std::span<const Shape> inputs) const;
  std::vector<Shape> infer_all(std::span<const Shape> inputs) const;
  std::shared_ptr<Plan> plan_for(std::span<const Shape> inputs, std::int64_t rows) const;
  std::shared_ptr<Plan> make_plan(std::span<const Shape> inputs) const;
  std::int64_t chunk_rows(std::span<const Shape> inputs, std::int64_t rows) const;
  bool run_chunk(Plan& plan, std::span<const void* const> inputs, std::span<void* const> outputs,
                 std::int64_t first_row, std::int64_t rows) const;

  std::vector<ProgramInput> inputs_;
  std::vector<ProgramConstant> constants_;
  std::vector<Step> steps_;
  std::vector<int> outputs_;       // value ids, each written by a step of its own
  std::vector<TensorType> types_;  // of every value; values 0 … inputs − 1 are the inputs
  std::vector<int> storage_;       // value whose memory a value uses (itself unless a view)
  std::vector<int> last_use_;      // last step reading a value's storage
  bool rows_independent_ = false;
  int num_threads_ = 1;

  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<Plan>> plans_;  // most recently used last
};

class ProgramBuilder {
 public:
  ProgramBuilder();

  // Id of a new input, of any type but bits. Throws ModelFormatError after the first constant or
  // op.
  int add_input(std::string name, const Shape& declared, ElementType type = ElementType::f32);

  // Id of a constant, of any type but bits, made of a copy of `data`. Throws ModelFormatError where
  // their sizes differ.
  int add_constant(ElementType type, const Shape& shape, std::span<const std::byte> data);

  // Id of the op's first output; its others follow. Throws ModelFormatError where an input id or
  // its type does not fit.
  int add_op(std::unique_ptr<Op> op, std::vector<int> inputs);

  TensorType type_of(int value) const;

  // The program; the builder is empty afterwards. Outputs are of any type but bits.
  std::unique_ptr<Program> finish(const std::vector<int>& outputs, bool rows_independent,
                                  int num_threads);

 private:
  void check_value(int value) const;
  int new_value(TensorType type);
  std::unique_ptr<Program> program_;
};

}  // namespace bnn
