#pragma once
// What the machine does at best, and what a case is made of: measured for `streamtube bench`.

#include <cstdint>
#include <span>

#include "surrogate/backends/backend_set.hpp"

namespace streamtube::surrogate {

struct MatmulPeak {
  std::int64_t size = 0;  // of the square matrices
  double flops = 0;       // floating-point operations a second, the best of several
};
// The program's own linear layer of size x size weights on as many rows: what a product of matrices reaches here. Where
// bf16 is the 16-bit pass, operands and results are bfloat16 in memory.
// Error(usage) for a precision this machine does not have.
MatmulPeak matmul_peak(Precision precision);

// Pairs of a supernode and a point within the radius, at most max_degree a supernode. points [P][3].
std::int64_t count_edges(std::span<const float> points, std::span<const std::int64_t> supernodes, float radius,
                         int max_degree);

}  // namespace streamtube::surrogate
