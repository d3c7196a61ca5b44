#include "runtime/program.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <utility>

#include "base/float_environment.h"
#include "base/thread_pool.h"
#include "ops/layout.h"
#include "runtime/memory_plan.h"

namespace bnn {
namespace {

constexpr std::size_t kMaxCachedPlans = 16;

// A chunk's activations should stay in a core's L2 next to the weights in use.
constexpr std::size_t kChunkBytes = std::size_t{384} << 10;
constexpr std::int64_t kMinChunkRows = 16;
constexpr std::int64_t kMaxChunkRows = 1024;

// Work below which waking a thread costs more than it saves.
constexpr double kCyclesPerThread = 60e3;

}  // namespace

// Everything that depends on the input shapes alone.
struct Program::Plan {
  std::vector<Shape> key;            // input shapes
  std::vector<Shape> shapes;         // of every value
  std::vector<std::size_t> offsets;  // of every value in the arena; unused for inputs and outputs
  std::size_t arena_bytes = 0;
  std::size_t scratch_offset = 0;
  double cycles = 0;

  std::mutex mutex;
  std::vector<std::unique_ptr<Workspace>> free;
};

// Memory of one running call.
struct Program::Workspace {
  explicit Workspace(const Plan& plan) : arena(plan.arena_bytes), values(plan.shapes.size()) {
    for (std::size_t v = 0; v < values.size(); ++v) {
      values[v] = {arena.data() + plan.offsets[v], plan.shapes[v]};
    }
  }
  AlignedArray<std::byte> arena;
  std::vector<TensorView> values;
};

// Borrows a workspace of a plan for one chunk.
class Program::WorkspaceLease {
 public:
  explicit WorkspaceLease(Plan& plan) : plan_(plan) {
    {
      const std::lock_guard<std::mutex> lock(plan.mutex);
      if (!plan.free.empty()) {
        workspace_ = std::move(plan.free.back());
        plan.free.pop_back();
      }
    }
    if (!workspace_) workspace_ = std::make_unique<Workspace>(plan);
  }
  ~WorkspaceLease() {
    const std::lock_guard<std::mutex> lock(plan_.mutex);
    try {
      plan_.free.push_back(std::move(workspace_));
    } catch (...) {  // no memory to remember it: it is freed instead
    }
  }
  WorkspaceLease(const WorkspaceLease&) = delete;
  WorkspaceLease& operator=(const WorkspaceLease&) = delete;
  Workspace& operator*() { return *workspace_; }

 private:
  Plan& plan_;
  std::unique_ptr<Workspace> workspace_;
};

Program::~Program() = default;

void Program::check_inputs(std::span<const Shape> shapes) const {
  if (shapes.size() != inputs_.size()) {
    throw ShapeError("expected " + std::to_string(inputs_.size()) + " inputs, got " +
                     std::to_string(shapes.size()));
  }
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Shape& declared = inputs_[i].declared;
    bool fits = shapes[i].rank() == declared.rank();
    for (int axis = 0; fits && axis < declared.rank(); ++axis) {
      fits = declared[axis] < 0 || declared[axis] == shapes[i][axis];
    }
    if (!fits) {
      throw ShapeError("input '" + inputs_[i].name + "' must have shape " + declared.text() +
                       ", got " + shapes[i].text());
    }
    if (rows_independent_ && shapes[i][0] != shapes[0][0]) {
      throw ShapeError("all inputs must have the same batch size, but '" + inputs_[i].name +
                       "' has " + std::to_string(shapes[i][0]) + " rows and '" + inputs_[0].name +
                       "' " + std::to_string(shapes[0][0]));
    }
  }
}

std::size_t Program::constant_bytes(const Step& step) const {
  std::size_t total = step.op->constant_bytes();
  for (const ProgramConstant& constant : constants_) {
    if (std::find(step.inputs.begin(), step.inputs.end(), constant.id) != step.inputs.end()) {
      total += constant.data.bytes();
    }
  }
  return total;
}

std::vector<Shape> Program::infer_all(std::span<const Shape> inputs) const {
  std::vector<Shape> shapes(types_.size());
  std::copy(inputs.begin(), inputs.end(), shapes.begin());
  for (const ProgramConstant& constant : constants_) {
    shapes[static_cast<std::size_t>(constant.id)] = constant.shape;
  }
  std::vector<Shape> of_step;
  for (const Step& step : steps_) {
    of_step.clear();
    for (const int id : step.inputs) of_step.push_back(shapes[static_cast<std::size_t>(id)]);
    const Shape shape = step.op->infer(of_step);
    for (const int id : step.outputs) shapes[static_cast<std::size_t>(id)] = shape;
  }
  return shapes;
}

std::vector<Shape> Program::output_shapes(std::span<const Shape> inputs) const {
  check_inputs(inputs);
  std::vector<Shape> result;
  if (rows_independent_) {
    const std::int64_t rows = inputs[0][0];
    const std::shared_ptr<Plan> plan = plan_for(inputs, chunk_rows(inputs, rows));
    for (const int id : outputs_) {
      result.push_back(plan->shapes[static_cast<std::size_t>(id)]);
      result.back()[0] = rows;
    }
    return result;
  }
  const std::shared_ptr<Plan> plan = plan_for(inputs, 0);
  for (const int id : outputs_) result.push_back(plan->shapes[static_cast<std::size_t>(id)]);
  return result;
}

std::shared_ptr<Program::Plan> Program::plan_for(std::span<const Shape> inputs,
                                                 std::int64_t rows) const {
  const auto matches = [&](const Plan& plan) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Shape wanted = inputs[i];
      if (rows > 0) wanted[0] = rows;
      if (!(plan.key[i] == wanted)) return false;
    }
    return true;
  };
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (std::size_t i = plans_.size(); i-- > 0;) {
      if (!matches(*plans_[i])) continue;
      std::rotate(plans_.begin() + static_cast<std::ptrdiff_t>(i),
                  plans_.begin() + static_cast<std::ptrdiff_t>(i) + 1, plans_.end());
      return plans_.back();
    }
  }
  std::vector<Shape> key(inputs.begin(), inputs.end());
  if (rows > 0) {
    for (Shape& shape : key) shape[0] = rows;
  }
  std::shared_ptr<Plan> plan = make_plan(key);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (plans_.size() >= kMaxCachedPlans) plans_.erase(plans_.begin());
  plans_.push_back(plan);
  return plan;
}

std::shared_ptr<Program::Plan> Program::make_plan(std::span<const Shape> inputs) const {
  auto plan = std::make_shared<Plan>();
  plan->key.assign(inputs.begin(), inputs.end());
  plan->shapes = infer_all(inputs);
  std::vector<Lifetime> lifetimes;
  std::vector<std::size_t> planned;
  std::size_t scratch = 0;
  std::vector<Shape> of_step;
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    const Step& step = steps_[s];
    of_step.clear();
    for (const int id : step.inputs) of_step.push_back(plan->shapes[static_cast<std::size_t>(id)]);
    const Shape& shape = plan->shapes[static_cast<std::size_t>(step.outputs[0])];
    if (rows_independent_) {
      if (shape.rank() < 1 || shape[0] != inputs[0][0]) {
        throw ShapeError("node '" + step.op->name() + "' does not keep the batch axis");
      }
    }
    scratch = std::max(scratch, step.op->scratch_bytes(of_step));
    plan->cycles += step.op->cycles(of_step, shape);
    if (step.op->is_view()) continue;
    for (const int id : step.outputs) {
      if (std::find(outputs_.begin(), outputs_.end(), id) != outputs_.end()) continue;
      const std::size_t output = static_cast<std::size_t>(id);
      lifetimes.push_back({tensor_bytes(types_[output], shape), static_cast<int>(s),
                           std::max(last_use_[output], static_cast<int>(s))});
      planned.push_back(output);
    }
  }
  const ArenaPlan arena = plan_arena(lifetimes);
  plan->offsets.assign(types_.size(), 0);
  for (std::size_t i = 0; i < planned.size(); ++i) plan->offsets[planned[i]] = arena.offsets[i];
  for (std::size_t v = 0; v < types_.size(); ++v) {
    plan->offsets[v] = plan->offsets[static_cast<std::size_t>(storage_[v])];
  }
  plan->scratch_offset = round_up(arena.bytes, kAlignment);
  plan->arena_bytes = plan->scratch_offset + round_up(scratch, kAlignment) + kAlignment;
  return plan;
}

std::int64_t Program::chunk_rows(std::span<const Shape> inputs, std::int64_t rows) const {
  if (rows <= 1) return 1;
  const std::shared_ptr<Plan> one = plan_for(inputs, 1);
  const std::int64_t fitting =
      static_cast<std::int64_t>(kChunkBytes / std::max<std::size_t>(one->arena_bytes, 1));
  const std::int64_t most = static_cast<std::int64_t>(std::bit_floor(
      static_cast<std::uint64_t>(std::clamp(fitting, kMinChunkRows, kMaxChunkRows))));
  const double affordable = one->cycles * static_cast<double>(rows) / kCyclesPerThread;
  const std::int64_t threads =
      static_cast<std::int64_t>(std::clamp(affordable, 1.0, static_cast<double>(num_threads_)));
  const std::int64_t share = (rows + threads - 1) / threads;
  return std::min(most,
                  static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(share))));
}

bool Program::run(std::span<const Shape> shapes, std::span<const void* const> inputs,
                  std::span<void* const> outputs) const {
  if (!rows_independent_) {
    const std::shared_ptr<Plan> plan = plan_for(shapes, 0);
    return run_chunk(*plan, inputs, outputs, 0, 0);
  }
  const std::int64_t rows = shapes[0][0];
  if (rows == 0) return true;
  const std::int64_t chunk = chunk_rows(shapes, rows);
  const std::shared_ptr<Plan> plan = plan_for(shapes, chunk);
  const std::int64_t chunks = (rows + chunk - 1) / chunk;
  std::atomic<bool> ok = true;
  const auto run_range = [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last && ok; ++c) {
      if (!run_chunk(*plan, inputs, outputs, c * chunk, std::min(chunk, rows - c * chunk))) {
        ok = false;
      }
    }
  };
  const double cycles = plan->cycles * static_cast<double>(chunks);
  const std::int64_t threads =
      std::min({static_cast<std::int64_t>(num_threads_), chunks,
                std::max<std::int64_t>(1, static_cast<std::int64_t>(cycles / kCyclesPerThread))});
  if (threads <= 1) {
    run_range(0, chunks);
  } else {
    parallel_run(static_cast<int>(threads),
                 [&](int t) { run_range(chunks * t / threads, chunks * (t + 1) / threads); });
  }
  return ok;
}

bool Program::run_chunk(Plan& plan, std::span<const void* const> inputs,
                        std::span<void* const> outputs, std::int64_t first_row,
                        std::int64_t rows) const {
  const FloatEnvironment environment;
  WorkspaceLease lease(plan);
  std::vector<TensorView>& values = (*lease).values;
  const auto external = [&](int id, const void* data) {
    const std::size_t index = static_cast<std::size_t>(id);
    const Shape& shape = plan.shapes[index];
    const std::int64_t offset = first_row * shape.product(1, std::max(1, shape.rank())) *
                                static_cast<std::int64_t>(element_bytes(types_[index].element));
    // Ops only read their inputs; one view type serves both sides.
    values[index].data = static_cast<std::byte*>(const_cast<void*>(data)) + offset;
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) external(static_cast<int>(i), inputs[i]);
  for (std::size_t i = 0; i < outputs.size(); ++i) external(outputs_[i], outputs[i]);
  if (rows > 0) {
    for (TensorView& view : values) view.shape[0] = rows;
  }
  for (const ProgramConstant& constant : constants_) {
    TensorView& view = values[static_cast<std::size_t>(constant.id)];
    view.data = const_cast<std::byte*>(constant.data.data());
    view.shape = constant.shape;
  }
  bool saw_nan = false;
  for (const Step& step : steps_) {
    if (step.op->is_view()) {
      values[static_cast<std::size_t>(step.outputs[0])].data =
          values[static_cast<std::size_t>(step.inputs[0])].data;
      continue;
    }
    const OpContext context{values.data(), step.inputs, step.outputs,
                            (*lease).arena.data() + plan.scratch_offset, &saw_nan};
    step.op->run(context);
    if (saw_nan) return false;
  }
  return true;
}

void Program::trim() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  plans_.clear();
}

// --- builder
// ---------------------------------------------------------------------------------------

ProgramBuilder::ProgramBuilder() : program_(new Program) {}

void ProgramBuilder::check_value(int value) const {
  if (!program_) throw ModelFormatError("the program builder was already finished");
  if (value < 0 || value >= static_cast<int>(program_->types_.size())) {
    throw ModelFormatError("value " + std::to_string(value) + " does not exist");
  }
}

TensorType ProgramBuilder::type_of(int value) const {
  check_value(value);
  return program_->types_[static_cast<std::size_t>(value)];
}

int ProgramBuilder::new_value(TensorType type) {
  const int id = static_cast<int>(program_->types_.size());
  program_->types_.push_back(type);
  program_->storage_.push_back(id);
  program_->last_use_.push_back(-1);
  return id;
}

int ProgramBuilder::add_input(std::string name, const Shape& declared, ElementType type) {
  if (type == ElementType::bits) throw ModelFormatError("inputs are never packed bits");
  if (!program_ || program_->types_.size() != program_->inputs_.size()) {
    throw ModelFormatError("inputs must be added before the first constant or op");
  }
  program_->inputs_.push_back({std::move(name), type, declared});
  return new_value(type);
}

int ProgramBuilder::add_constant(ElementType type, const Shape& shape,
                                 std::span<const std::byte> data) {
  if (!program_) throw ModelFormatError("the program builder was already finished");
  if (type == ElementType::bits) throw ModelFormatError("constants are never packed bits");
  if (std::any_of(shape.dims().begin(), shape.dims().end(), [](auto dim) { return dim < 0; }) ||
      data.size() != tensor_bytes(type, shape)) {
    throw ModelFormatError("a constant of shape " + shape.text() + " has " +
                           std::to_string(data.size()) + " bytes");
  }
  AlignedArray<std::byte> copy(data.size());
  std::copy(data.begin(), data.end(), copy.data());
  const int id = new_value(type);
  program_->constants_.push_back({id, shape, std::move(copy)});
  return id;
}

int ProgramBuilder::add_op(std::unique_ptr<Op> op, std::vector<int> inputs) {
  if (inputs.size() != op->input_count()) {
    throw ModelFormatError("node '" + op->name() + "': expected " +
                           std::to_string(op->input_count()) + " inputs");
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorType wanted = op->input_type(i);
    if (const TensorType got = type_of(inputs[i]); got != wanted) {
      throw ModelFormatError("node '" + op->name() + "': value " + std::to_string(inputs[i]) +
                             " is " + got.text() + " instead of " + wanted.text());
    }
  }
  Program& program = *program_;
  const int step = static_cast<int>(program.steps_.size());
  for (const int input : inputs) {
    const int storage = program.storage_[static_cast<std::size_t>(input)];
    program.last_use_[static_cast<std::size_t>(storage)] = step;
  }
  std::vector<int> outputs;
  for (std::size_t i = 0; i < op->output_count(); ++i) {
    const int id = new_value(op->output_type(i));
    outputs.push_back(id);
    if (op->is_view()) {
      program.storage_.back() = program.storage_[static_cast<std::size_t>(inputs[0])];
    }
  }
  const int first = outputs[0];
  program.steps_.push_back({std::move(op), std::move(inputs), std::move(outputs)});
  return first;
}

std::unique_ptr<Program> ProgramBuilder::finish(const std::vector<int>& outputs,
                                                bool rows_independent, int num_threads) {
  if (outputs.empty()) throw ModelFormatError("a program needs at least one output");
  std::vector<int> owned;
  for (const int id : outputs) {
    const TensorType type = type_of(id);
    if (type.element == ElementType::bits) {
      throw ModelFormatError("program output " + std::to_string(id) + " is packed bits");
    }
    const bool computed =
        std::any_of(program_->steps_.begin(), program_->steps_.end(), [id](const Step& step) {
          return std::find(step.outputs.begin(), step.outputs.end(), id) != step.outputs.end();
        });
    const bool is_view = program_->storage_[static_cast<std::size_t>(id)] != id;
    const bool repeated = std::find(owned.begin(), owned.end(), id) != owned.end();
    // A later op may still view or read it, but the caller's memory belongs to one output alone.
    const bool owns = computed && !is_view && !repeated;
    owned.push_back(owns ? id : add_op(make_copy("output copy", type.element), {id}));
  }
  if (rows_independent) {
    if (program_->inputs_.empty()) throw ModelFormatError("a batch needs an input");
    for (const ProgramInput& input : program_->inputs_) {
      if (input.declared.rank() < 1 || input.declared[0] >= 0) {
        throw ModelFormatError("input '" + input.name + "' has no free batch axis");
      }
    }
  }
  program_->outputs_ = std::move(owned);
  program_->rows_independent_ = rows_independent;
  program_->num_threads_ = std::clamp(num_threads, 1, 4096);
  return std::move(program_);
}

}  // namespace bnn
