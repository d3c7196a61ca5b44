#include "ops/matmul.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "ops/scratch.h"
#include "ops/stored.h"

namespace bnn {
namespace {

constexpr std::int64_t kTileStride = std::int64_t{kMaxVectors} * 16;
constexpr std::int64_t kTileElements = kMaxRows * kTileStride;

class MatMul final : public Op {
 public:
  MatMul(const std::string& name, bool transpose_b, const KernelSet& kernels)
      : Op(name), transpose_b_(transpose_b), kernel_(kernels.f32_gemm) {}

  std::size_t input_count() const override { return 2; }
  std::string kernel() const override { return kernel_.name(); }

  Shape infer(std::span<const Shape> inputs) const override {
    const Shape& a = inputs[0];
    const Shape& b = inputs[1];
    const auto refuse = [&] { bad_shape("cannot multiply " + a.text() + " and " + b.text()); };
    if (a.rank() < 2 || b.rank() < 2 || a.back() != b[b.rank() - (transpose_b_ ? 1 : 2)]) refuse();
    Shape out = a.rank() >= b.rank() ? a : b;
    const int batch_axes = out.rank() - 2;
    for (int axis = 0; axis < batch_axes; ++axis) {
      const std::int64_t of_a = batch_extent(a, axis, batch_axes);
      const std::int64_t of_b = batch_extent(b, axis, batch_axes);
      if (of_a != of_b && of_a != 1 && of_b != 1) refuse();
      out[axis] = of_a == 1 ? of_b : of_a;
    }
    out[batch_axes] = a[a.rank() - 2];
    out[batch_axes + 1] = b[b.rank() - (transpose_b_ ? 2 : 1)];
    if (out.elements() > kMaxMadeElements) bad_shape("the product would have shape " + out.text());
    return out;
  }

  std::size_t scratch_bytes(std::span<const Shape> inputs) const override {
    const std::int64_t depth = inputs[0].back();
    const std::int64_t columns = infer(inputs).back();
    return Scratch::bytes<float>(vectors_for(columns) * kernel_.lanes * depth) +
           Scratch::bytes<float>(kTileElements);
  }

  double cycles(std::span<const Shape> inputs, const Shape& output) const override {
    return static_cast<double>(output.elements()) * static_cast<double>(inputs[0].back()) / 12.0;
  }

  void run(const OpContext& context) const override {
    const TensorView& a = context.input(0);
    const TensorView& b = context.input(1);
    const Shape& out = context.output().shape;
    const int batch_axes = out.rank() - 2;
    const std::int64_t rows = out[batch_axes];
    const std::int64_t columns = out.back();
    const std::int64_t depth = a.shape.back();
    float* y = context.output().as<float>();
    if (out.elements() == 0) return;
    if (depth == 0) {
      std::fill_n(y, out.elements(), 0.0f);
      return;
    }
    Scratch scratch(context.scratch);
    auto* packed = scratch.take<float>(vectors_for(columns) * kernel_.lanes * depth);
    auto* tile = scratch.take<float>(kTileElements);
    const float* last_b = nullptr;
    std::array<std::int64_t, kMaxRank> index{};
    const std::int64_t batches = out.product(0, batch_axes);
    for (std::int64_t batch = 0; batch < batches; ++batch, y += rows * columns) {
      const float* x = a.as<float>() + offset(a.shape, index, batch_axes) * rows * depth;
      const float* w = b.as<float>() + offset(b.shape, index, batch_axes) * depth * columns;
      if (w != last_b) pack(w, depth, columns, packed);
      last_b = w;
      multiply(x, rows, depth, packed, columns, tile, y);
      for (int axis = batch_axes - 1; axis >= 0; --axis) {
        std::int64_t& position = index[static_cast<std::size_t>(axis)];
        if (++position < out[axis]) break;
        position = 0;
      }
    }
  }

 private:
  std::int64_t vectors_for(std::int64_t columns) const {
    return (columns + kernel_.lanes - 1) / kernel_.lanes;
  }

  // Of the batch axis that meets the output's `axis`; 1 where the operand lacks it.
  static std::int64_t batch_extent(const Shape& operand, int axis, int batch_axes) {
    const int own = axis - (batch_axes - (operand.rank() - 2));
    return own < 0 ? 1 : operand[own];
  }

  // Matrices of `operand` in front of the one for batch `index` of the output.
  static std::int64_t offset(const Shape& operand, const std::array<std::int64_t, kMaxRank>& index,
                             int batch_axes) {
    std::int64_t matrices = 0;
    for (int axis = 0; axis < batch_axes; ++axis) {
      const std::int64_t extent = batch_extent(operand, axis, batch_axes);
      const std::int64_t position = extent == 1 ? 0 : index[static_cast<std::size_t>(axis)];
      matrices = matrices * extent + position;
    }
    return matrices;
  }

  // The layout of f32_gemm.h: blocks of [depth][lanes], zeros behind the last column.
  void pack(const float* w, std::int64_t depth, std::int64_t columns, float* packed) const {
    const std::int64_t lanes = kernel_.lanes;
    for (std::int64_t first = 0; first < columns; first += lanes, packed += depth * lanes) {
      const std::int64_t real = std::min(lanes, columns - first);
      for (std::int64_t k = 0; k < depth; ++k) {
        float* block = packed + k * lanes;
        for (std::int64_t l = 0; l < real; ++l) {
          block[l] = transpose_b_ ? w[(first + l) * depth + k] : w[k * columns + first + l];
        }
        std::fill(block + real, block + lanes, 0.0f);
      }
    }
  }

  void multiply(const float* x, std::int64_t rows, std::int64_t depth, const float* packed,
                std::int64_t columns, float* tile, float* y) const {
    const Segment segment{0, 0, depth};
    const std::int64_t lanes = kernel_.lanes;
    const std::int64_t vectors = vectors_for(columns);
    for (std::int64_t v = 0; v < vectors; v += kMaxVectors) {
      const std::int64_t count = std::min<std::int64_t>(kMaxVectors, vectors - v);
      const std::int64_t first = v * lanes;
      const std::int64_t width = std::min(count * lanes, columns - first);
      for (std::int64_t r = 0; r < rows; r += kMaxRows) {
        const std::int64_t height = std::min<std::int64_t>(kMaxRows, rows - r);
        kernel_.run(x + r * depth, depth, static_cast<int>(height), &segment, 1,
                    packed + first * depth, depth * lanes, static_cast<int>(count), tile,
                    kTileStride);
        for (std::int64_t i = 0; i < height; ++i) {
          std::memcpy(y + (r + i) * columns + first, tile + i * kTileStride,
                      static_cast<std::size_t>(width) * sizeof(float));
        }
      }
    }
  }

  bool transpose_b_;
  Variant<F32GemmFn> kernel_;
};

}  // namespace

std::unique_ptr<Op> make_matmul(const std::string& name, bool transpose_b,
                                const KernelSet& kernels) {
  return std::make_unique<MatMul>(name, transpose_b, kernels);
}

}  // namespace bnn
