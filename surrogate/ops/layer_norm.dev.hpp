#pragma once
// Layer normalisation with what follows it: y = ((x - mean) / sqrt(var + epsilon) * weight + bias) * (1 + scale) +
// shift. Adjoint contract of the ops: activations' adjoints overwrite, parameters' gradients accumulate.

#include "surrogate/ops/linear.dev.hpp"
#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate {

// Mean and 1 / deviation of a row; the same code on every path, so that their results agree. Sums in 16 lanes:
// vectorises, fixed order.
template <class T>
KOKKOS_INLINE_FUNCTION void row_moments(const T* x, int size, T epsilon, T& mean, T& inverse) {
  constexpr int lanes = 16;
  const int rest = size / lanes * lanes;
  T part[lanes] = {};
  for (int c = 0; c < rest; c += lanes)
    for (int l = 0; l < lanes; ++l) part[l] += x[c + l];
  mean = 0;
  for (int l = 0; l < lanes; ++l) mean += part[l], part[l] = 0;
  for (int c = rest; c < size; ++c) mean += x[c];
  mean /= size;
  for (int c = 0; c < rest; c += lanes)
    for (int l = 0; l < lanes; ++l) part[l] += (x[c + l] - mean) * (x[c + l] - mean);
  T variance = 0;
  for (int l = 0; l < lanes; ++l) variance += part[l];
  for (int c = rest; c < size; ++c) variance += (x[c] - mean) * (x[c] - mean);
  inverse = T(1) / Kokkos::sqrt(variance / size + epsilon);
}

// One row.
template <class T>
KOKKOS_INLINE_FUNCTION void layer_norm_row(const T* x, T* y, int size, const T* weight, const T* bias, const T* scale,
                                           const T* shift, T epsilon) {
  T mean, inverse;
  row_moments(x, size, epsilon, mean, inverse);
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

// The last step of the adjoint: gradients of the parameters from parts [..][>= 2 size], each of which sums, per
// channel, dy n and then dy of its rows.
template <class T, class Space>
void add_norm_gradients(Context<Space>& context, Mat<T, Space> parts, Vec<const T, Space> weight,
                        Vec<const T, Space> bias, Vec<const T, Space> scale, Vec<T, Space> dweight, Vec<T, Space> dbias,
                        Vec<T, Space> dscale, Vec<T, Space> dshift);

}  // namespace streamtube::surrogate
