#include "family_tests.h"
#include "guarded_array.h"

namespace bnn::test {

void check_transpose_f32(const Variant<TransposeF32Fn>& variant, Random& random) {
  const auto extent = [&random] {
    return random.one_in(2)
               ? random.pick<std::ptrdiff_t>({1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64})
               : random.between(1, 100);
  };
  const std::ptrdiff_t rows = extent();
  const std::ptrdiff_t columns = extent();
  const std::ptrdiff_t in_stride = columns + random.between(0, 5);
  const std::ptrdiff_t out_stride = rows + random.between(0, 5);
  const GuardedArray<float> in(index((rows - 1) * in_stride + columns), random.placement());
  const GuardedArray<float> out(index((columns - 1) * out_stride + rows), random.placement());
  for (float& value : in.span()) value = random.real();

  variant.run(in.data(), in_stride, rows, columns, out.data(), out_stride);

  const std::string shape = std::to_string(rows) + " x " + std::to_string(columns);
  for (std::ptrdiff_t c = 0; c < columns; ++c) {
    for (std::ptrdiff_t r = 0; r < out_stride; ++r) {
      const std::size_t at = index(c * out_stride + r);
      if (r < rows) {
        require(same_float(out[at], in[index(r * in_stride + c)]), "wrong at row ", r, ", column ",
                c, " of ", shape);
      } else if (c + 1 < columns) {
        require(out.is_canary(at), "wrote between columns of ", shape);
      }
    }
  }
  require(out.untouched(), "wrote outside: ", shape);
}

}  // namespace bnn::test
