// Variants of family plane_sum: one ROW(family, function type, instruction set, lanes) each, in the
// order of Isa. A row makes the declaration and table entry of function <family>_<isa> in
// kernels/manifest.cpp; dispatch, tests and benchmarks read that table.
#pragma once

#include "kernels/arch_rows.h"
#include "kernels/plane_sum/plane_sum.h"

#define BNN_PLANE_SUM_VARIANTS(ROW)                  \
  ROW(plane_sum, PlaneSumFn, scalar, 1)              \
  BNN_ARM64_ROW(ROW(plane_sum, PlaneSumFn, neon, 1)) \
  BNN_X86_ROW(ROW(plane_sum, PlaneSumFn, avx2, 1))   \
  BNN_X86_ROW(ROW(plane_sum, PlaneSumFn, avx512bw, 1))
