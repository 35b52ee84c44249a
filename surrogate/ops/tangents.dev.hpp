#pragma once
// The ops with exact first derivatives along the three axes of the rows' positions carried along (forward mode; see
// Baydin et al., arXiv 1502.05767), and the adjoints of that, for losses on derivatives (reverse over forward).
//
// Rows come stacked: x [4 N][..] holds N rows of values, then for each axis N rows of their derivatives along it.
// Linear layers without bias apply to the derivatives as they are; the ops here are those that do not.

#include "surrogate/ops/linear.dev.hpp"
#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate {

// Rows of values of stacked ones.
template <class T, class Space>
Mat<T, Space> value_rows(Mat<T, Space> x) {
  return rows(x, 0, x.extent(0) / 4);
}

// y [4 N][columns] = x [4 N][inner] W^T + b, the bias for the values alone.
template <class T, class Space>
void linear_tangents(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> weight,
                     Vec<const T, Space> bias, Mat<T, Space> y, Epilogue epilogue = Epilogue::store,
                     Vec<const T, Space> gate = {});
// As linear_backward(); dbias gets the sums of the values' rows.
template <class T, class Space>
void linear_tangents_backward(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> weight,
                              Mat<const T, Space> dy, Mat<T, Space> dx, Mat<T, Space> dweight, Vec<T, Space> dbias);

// Derivatives of the sin-cos embedding of positions [N][3], whose values are in y [4 N][size] already, written behind.
template <class T, class Space>
void sincos_embedding_tangents(Context<Space>& context, Vec<const float, Space> frequency, Mat<T, Space> y);

// In place, x [4 N][heads * head]; table [N][head] of rotary_table(), whose angles move with the positions.
template <class T, class Space>
void rotate_tangents(Context<Space>& context, Mat<T, Space> x, Mat<const T, Space> table,
                     Vec<const float, Space> frequency);
template <class T, class Space>
void rotate_tangents_backward(Context<Space>& context, Mat<T, Space> dx, Mat<const T, Space> table,
                              Vec<const float, Space> frequency);

// y = gelu(x), x and y [4 N][columns]. dx may be dy.
template <class T, class Space>
void gelu_tangents(Context<Space>& context, Mat<const T, Space> x, Mat<T, Space> y);
template <class T, class Space>
void gelu_tangents_backward(Context<Space>& context, Mat<const T, Space> x, Mat<const T, Space> dy, Mat<T, Space> dx);

// layer_norm() of x [4 N][size] to y; the adjoint adds to dx and to the parameters' gradients (which may be empty).
template <class T, class Space>
void layer_norm_tangents(Context<Space>& context, Mat<const T, Space> x, Vec<const T, Space> weight,
                         Vec<const T, Space> bias, Vec<const T, Space> scale, Vec<const T, Space> shift, T epsilon,
                         Mat<T, Space> y);
template <class T, class Space>
void layer_norm_tangents_backward(Context<Space>& context, Mat<const T, Space> x, Vec<const T, Space> weight,
                                  Vec<const T, Space> bias, Vec<const T, Space> scale, T epsilon,
                                  Mat<const T, Space> dy, Mat<T, Space> dx, Vec<T, Space> dweight, Vec<T, Space> dbias,
                                  Vec<T, Space> dscale, Vec<T, Space> dshift);

// q, out [4 N][heads * head] attend to all of k, v [M][heads * head], which do not move with the queries. With p the
// softmax of the scores s = q k / sqrt(head), and t_a = dq_a k / sqrt(head) their derivative along axis a:
//   dout_a = sum p t_a v - mean_a out,  mean_a = sum p t_a
// log_sum [N][heads] and mean [3 N][heads]: for the adjoint, or empty.
template <class T, class Space>
void attention_tangents(Context<Space>& context, int heads, Mat<const T, Space> q, Mat<const T, Space> k,
                        Mat<const T, Space> v, Mat<T, Space> out, Mat<T, Space> log_sum = {}, Mat<T, Space> mean = {});

// Adjoint, dq [4 N] written, dk and dv [M] added to. With e the adjoint of the values' output, e_a of the derivatives',
// through_a = e_a . out_0 and delta = e . out_0 + sum over a of e_a . out_a:
//   dt_a = p (e_a . v - through_a),  ds = p (e . v - delta + sum over a of (e_a . v - through_a)(t_a - mean_a))
//   dv = p e + sum p (t_a - mean_a) e_a,  dq = ds k,  dq_a = dt_a k,  dk = ds q + sum dt_a q_a  (the last three scaled)
template <class T, class Space>
void attention_tangents_backward(Context<Space>& context, int heads, Mat<const T, Space> q, Mat<const T, Space> k,
                                 Mat<const T, Space> v, Mat<const T, Space> out, Mat<const T, Space> log_sum,
                                 Mat<const T, Space> mean, Mat<const T, Space> dout, Mat<T, Space> dq, Mat<T, Space> dk,
                                 Mat<T, Space> dv);

}  // namespace streamtube::surrogate
