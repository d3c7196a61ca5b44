#include "bindings/program_builder.h"

namespace bnn {

Epilogue epilogue_of(const PyEpilogue& epilogue) {
  if (const auto* floats = std::get_if<PyFloatEpilogue>(&epilogue)) return floats->epilogue;
  if (const auto* thresholds = std::get_if<Thresholds>(&epilogue)) return *thresholds;
  return std::get<BitPlanes>(epilogue);
}

PyProgramBuilder::PyProgramBuilder() : kernels_(kernel_set(active_isa())) {}

int PyProgramBuilder::add_layer(std::unique_ptr<Op> op, std::vector<int> inputs,
                                const PyEpilogue& epilogue) {
  if (const auto* floats = std::get_if<PyFloatEpilogue>(&epilogue)) {
    inputs.insert(inputs.end(), floats->residuals.begin(), floats->residuals.end());
  }
  const bool channels_first = op->stores_channels_first();
  const int id = builder_.add_op(std::move(op), std::move(inputs));
  if (channels_first) channels_first_.insert(id);
  return id;
}

DotLayerSpec dense_spec(const std::string& name, std::int64_t outputs, std::int64_t features) {
  DotLayerSpec spec;
  spec.name = name;
  spec.outputs = outputs;
  spec.features = features;
  return spec;
}

DotLayerSpec conv_spec(const std::string& name, std::int64_t outputs, std::int64_t channels,
                       std::int64_t groups, const PyWindow& window) {
  DotLayerSpec spec;
  spec.name = name;
  spec.outputs = outputs;
  spec.features = channels;
  spec.groups = groups;
  spec.dense = false;
  spec.spatial_axes = window.spatial_axes;
  spec.window = window.window;
  return spec;
}

}  // namespace bnn
