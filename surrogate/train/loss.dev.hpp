#pragma once
// What training minimises, and its adjoint in the network's outputs.

#include <vector>

#include "surrogate/ops/types.dev.hpp"
#include "surrogate/train/trainer.hpp"

namespace streamtube::surrogate {

// sum over columns c of weight[c] / N sum over rows r of row_weight[r] (out - target)^2, in network units. A field of k
// components weighs as its mean squared error when its columns have weight 1 / k.
// out, target, dout [N][columns]; row_weight [N] or empty (1); weight [columns] (host). dout is written, scaled by
// `scale`. losses [columns] (double): the sum's terms, unscaled, are written.
template <class T, class Space>
void squared_error(Context<Space>& context, Mat<const T, Space> out, Mat<const T, Space> target,
                   Vec<const T, Space> row_weight, Vec<const T, Space> weight, T scale, Mat<T, Space> dout,
                   Vec<double, Space> losses);

// weight (sum of functional * (out - target))^2: the error of an integral over the points, such as drag. functional
// [N][columns]. dout is added to, scaled by `scale`; loss [1] is written, unscaled.
template <class T, class Space>
void squared_functional(Context<Space>& context, Mat<const T, Space> out, Mat<const T, Space> target,
                        Mat<const T, Space> functional, T weight, T scale, Mat<T, Space> dout, Vec<double, Space> loss);

// Squared error of the curl of three outputs (CurlTerm in trainer.hpp):
//   c_i = factor sum over j, k of epsilon_ijk scale_k d out_(from + k) / d x_j,  y = (T(c) - mean) / std
//   loss_i = weight_i / N sum over rows of (y_i - target_(to + i))^2,  T: none or the signed log
// out, dout [4 N][columns] stacked as ops/tangents.dev.hpp says; target [N][columns]. dout is added to, scaled by
// `scale`; losses [3] (double) are written, unscaled.
template <class T, class Space>
void curl_error(Context<Space>& context, Mat<const T, Space> out, Mat<const T, Space> target, const CurlTerm& term,
                T factor, T scale, Mat<T, Space> dout, Vec<double, Space> losses);

// Cells of a batch (Batch::Cells in trainer.hpp) on the device.
template <class T, class Space>
struct CellRows {
  Vec<const std::int64_t, Space> row, begin;
  Vec<const T, Space> share;
  Mat<const T, Space> weight;  // [arms][3]
  Vec<const T, Space> side;
  std::int64_t first = 0;  // row of the first arm among the outputs
};

// Squared error of the vorticity of cells, out of three outputs at their arms:
//   u_k = offset + scale out_(first + k), its y times side_k;  c = sum over the cell's arms k of weight_k x u_k
//   loss_i = weight_i sum over cells of share (y_i - target_(to + i))^2,  y_i = (T(c_i) - mean_i) / std_i
// out, dout [rows][columns]; target [rows before the arms][columns]. dout is added to, scaled by `scale`; losses [3]
// are written, unscaled.
template <class T, class Space>
void cell_curl_error(Context<Space>& context, Mat<const T, Space> out, Mat<const T, Space> target,
                     const CellRows<T, Space>& cells, const CurlTerm& term, T scale, Mat<T, Space> dout,
                     Vec<double, Space> losses);

}  // namespace streamtube::surrogate
