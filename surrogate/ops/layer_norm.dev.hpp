#pragma once
// Layer normalisation with what follows it: y = ((x - mean) / sqrt(var + epsilon) * weight + bias) * (1 + scale) +
// shift. Adjoint contract of the ops: activations' adjoints overwrite, parameters' gradients accumulate.

#include "surrogate/ops/linear.dev.hpp"
#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate {

// One row; the same code on every path, so that their results agree. Sums in 16 lanes: vectorises, fixed order.
template <class T>
KOKKOS_INLINE_FUNCTION void layer_norm_row(const T* x, T* y, int size, const T* weight, const T* bias, const T* scale,
                                           const T* shift, T epsilon) {
  constexpr int lanes = 16;
  T part[lanes] = {};
  int i = 0;
  for (; i + lanes <= size; i += lanes)
    for (int l = 0; l < lanes; ++l) part[l] += x[i + l];
  T mean = 0;
  for (int l = 0; l < lanes; ++l) mean += part[l];
  for (; i < size; ++i) mean += x[i];
  mean /= size;
  for (int l = 0; l < lanes; ++l) part[l] = 0;
  for (i = 0; i + lanes <= size; i += lanes)
    for (int l = 0; l < lanes; ++l) part[l] += (x[i + l] - mean) * (x[i + l] - mean);
  T variance = 0;
  for (int l = 0; l < lanes; ++l) variance += part[l];
  for (; i < size; ++i) variance += (x[i] - mean) * (x[i] - mean);
  const T inverse = T(1) / Kokkos::sqrt(variance / size + epsilon);
  if (weight && bias) {
    for (int c = 0; c < size; ++c) y[c] = (x[c] - mean) * inverse * weight[c] + bias[c];
  } else {
    for (int c = 0; c < size; ++c) y[c] = (x[c] - mean) * inverse;
    if (weight)
      for (int c = 0; c < size; ++c) y[c] *= weight[c];
  }
  if (scale)
    for (int c = 0; c < size; ++c) y[c] = y[c] * (T(1) + scale[c]) + shift[c];
}

// x, y [N][size]; weight, bias, scale, shift [size] or empty (scale and shift together).
template <class T, class Space>
void layer_norm(Context<Space>& context, Mat<const T, Space> x, Vec<const T, Space> weight, Vec<const T, Space> bias,
                Vec<const T, Space> scale, Vec<const T, Space> shift, T epsilon, Mat<T, Space> y);

// Adjoint at the same x: dx [N][size] as `adjoint` says; dweight, dbias, dscale, dshift [size] or empty, to which is
// added.
template <class T, class Space>
void layer_norm_backward(Context<Space>& context, Mat<const T, Space> x, Vec<const T, Space> weight,
                         Vec<const T, Space> bias, Vec<const T, Space> scale, T epsilon, Mat<const T, Space> dy,
                         Mat<T, Space> dx, Adjoint adjoint, Vec<T, Space> dweight, Vec<T, Space> dbias,
                         Vec<T, Space> dscale, Vec<T, Space> dshift);

}  // namespace streamtube::surrogate
