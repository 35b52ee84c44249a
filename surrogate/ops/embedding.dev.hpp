#pragma once
// Positions to channels: the sin-cos embedding and the rotary one. Angles are position * frequency in float32 for float
// models: one last-place error in a frequency is 4e-5 rad at a coordinate of 700, so the frequencies are computed once.

#include <vector>

#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate {

// Angular frequencies wavelength^(-2i/n) of one axis, n the channels each of `axes` axes gets out of `size`; what does
// not divide evenly, or leaves an odd number an axis, stays over at the end.
std::vector<float> frequencies(int size, int axes, float wavelength);

// x [N][axes] -> y [N][size]: for each axis in turn all sines, then all cosines; zeros at the end.
template <class T, class Space>
void sincos_embedding(Context<Space>& context, Mat<const T, Space> x, Vec<const float, Space> frequency,
                      Mat<T, Space> y);

// Adjoint in the positions, out of the embedding itself: it holds the sines and cosines that the derivatives are made
// of. y and dy [N][..] have the embedding from column `first` on; dx [N][axes] is added to.
template <class T, class Space>
void sincos_embedding_backward(Context<Space>& context, Mat<const T, Space> y, Vec<const float, Space> frequency,
                               Mat<const T, Space> dy, std::size_t first, Mat<T, Space> dx);

// x [N][3] -> table [N][head]: the cosines of all pairs, then the sines; pairs left over have angle 0.
template <class T, class Space>
void rotary_table(Context<Space>& context, Mat<const T, Space> x, Vec<const float, Space> frequency,
                  Mat<T, Space> table);

// Adjoint in the positions: dx [N][3] += dangles [N][head / 2], the adjoint of the table's angles, times frequency.
template <class T, class Space>
void rotary_table_backward(Context<Space>& context, Mat<const T, Space> dangles, Vec<const float, Space> frequency,
                           Mat<T, Space> dx);

// One row, x to y (which may be the same); table: the row's cosines, then its sines.
template <class T>
KOKKOS_INLINE_FUNCTION void rotate_row(const T* x, T* y, const T* table, int heads, int head) {
  const int pairs = head / 2;
  const T *cosine = table, *sine = table + pairs;
  for (int h = 0; h < heads; ++h)
    for (int i = 0; i < pairs; ++i) {
      const T even = x[h * head + 2 * i], odd = x[h * head + 2 * i + 1];
      y[h * head + 2 * i] = even * cosine[i] - odd * sine[i];
      y[h * head + 2 * i + 1] = even * sine[i] + odd * cosine[i];
    }
}

// Its adjoint: rotates back.
template <class T>
KOKKOS_INLINE_FUNCTION void rotate_row_back(T* dx, const T* table, int heads, int head) {
  const int pairs = head / 2;
  const T *cosine = table, *sine = table + pairs;
  for (int h = 0; h < heads; ++h)
    for (int i = 0; i < pairs; ++i) {
      const T even = dx[h * head + 2 * i], odd = dx[h * head + 2 * i + 1];
      dx[h * head + 2 * i] = even * cosine[i] + odd * sine[i];
      dx[h * head + 2 * i + 1] = odd * cosine[i] - even * sine[i];
    }
}

// In place: neighbouring channel pairs (2i, 2i + 1) of every head of x [N][heads * head], by table [N][head].
template <class T, class Space>
void rotate(Context<Space>& context, Mat<T, Space> x, Mat<const T, Space> table);

// Adjoint, in place: rotates back.
template <class T, class Space>
void rotate_backward(Context<Space>& context, Mat<T, Space> dx, Mat<const T, Space> table);

// Adjoint in the table, as that of its angles: the derivative of a rotated pair is the pair a quarter turn on, so
// sines and cosines cancel and dangles [N][head / 2] += dy_odd y_even - dy_even y_odd, summed over the heads. y: the
// rotated rows, dy [N][heads * head] their adjoint, not rotated back yet.
template <class T, class Space>
void rotate_backward_angles(Context<Space>& context, Mat<const T, Space> y, Mat<const T, Space> dy,
                            Mat<T, Space> dangles);

}  // namespace streamtube::surrogate
