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

// x [N][3] -> table [N][head]: the cosines of all pairs, then the sines; pairs left over have angle 0.
template <class T, class Space>
void rotary_table(Context<Space>& context, Mat<const T, Space> x, Vec<const float, Space> frequency,
                  Mat<T, Space> table);

// In place: neighbouring channel pairs (2i, 2i + 1) of every head of x [N][heads * head], by table [N][head].
template <class T, class Space>
void rotate(Context<Space>& context, Mat<T, Space> x, Mat<const T, Space> table);

}  // namespace streamtube::surrogate
