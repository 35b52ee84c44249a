#pragma once
// Linear layers: y = x W^T + b with what follows it in one pass (see Epilogue), GELU, and their adjoints:
//   dx = dy W,  dW += dy^T x,  db += sum of dy's rows;  dx = dy gelu'(x)

#include <vector>

#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate {

// x [N][inner], weight [columns][inner], bias [columns] or empty, y [N][columns]. gate [columns] or empty, for
// accumulate.
template <class T, class Space>
void linear(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> weight, Vec<const T, Space> bias,
            Mat<T, Space> y, Epilogue epilogue = Epilogue::store, Vec<const T, Space> gate = {});

// Whether an adjoint replaces what its array holds, or is added to it (where several ops read one activation).
enum class Adjoint { overwrite, add };

// dy [N][columns], x [N][inner] -> dx [N][inner] or empty; dweight [columns][inner] and dbias [columns] or empty, to
// which is added. Sums over rows in a fixed order.
template <class T, class Space>
void linear_backward(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> weight, Mat<const T, Space> dy,
                     Mat<T, Space> dx, Adjoint adjoint, Mat<T, Space> dweight, Vec<T, Space> dbias);

// Several at once, up to four, whose dx may be the same rows: a later one then adds to it.
template <class T, class Space>
struct LinearAdjoint {
  Mat<const T, Space> x, weight, dy;
  Mat<T, Space> dx;
  Adjoint adjoint;
  Mat<T, Space> dweight;
  Vec<T, Space> dbias;
};
template <class T, class Space>
void linear_backward(Context<Space>& context, const std::vector<LinearAdjoint<T, Space>>& layers);

// sums [columns] += the column sums of x * y (x [N][columns]; y alike, or empty for 1).
template <class T, class Space>
void add_column_sums(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> y, Vec<T, Space> sums);

// y = gelu(x), elementwise.
template <class T, class Space>
void gelu_forward(Context<Space>& context, Mat<const T, Space> x, Mat<T, Space> y);
// dx = dy gelu'(x); dx may be dy. Where y is given, y = gelu(x) as well, which costs little then.
template <class T, class Space>
void gelu_backward(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> dy, Mat<T, Space> dx,
                   Mat<T, Space> y = {});

// The exact GELU, x / 2 (1 + erf(x / sqrt 2)).
template <class T>
KOKKOS_INLINE_FUNCTION T gelu(T x) {
  return T(0.5) * x * (T(1) + Kokkos::erf(x * T(0.70710678118654752440)));
}

// Its derivative, Phi(x) + x phi(x).
template <class T>
KOKKOS_INLINE_FUNCTION T gelu_derivative(T x) {
  return T(0.5) * (T(1) + Kokkos::erf(x * T(0.70710678118654752440))) +
         x * T(0.39894228040143267794) * Kokkos::exp(T(-0.5) * x * x);
}

}  // namespace streamtube::surrogate
