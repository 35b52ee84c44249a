#pragma once
// Multi-head attention over segments: self, cross, joint, perceiver and decoder attention are all this op.
// Online softmax (Milakov and Gimelshein, arXiv 1805.02867): no matrix of queries by keys in memory.

#include <vector>

#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate {

// q, out [N][heads * head]; k, v [M][heads * head], rotated already. Rows of q outside every segment keep their old
// out. A segment with queries must have keys. segments: host memory. log_sum [N][heads] or empty: log of the sum of
// exp(score), all that the adjoint needs beside q, k, v and out.
template <class T, class Space>
void attention(Context<Space>& context, int heads, Mat<const T, Space> q, Mat<const T, Space> k, Mat<const T, Space> v,
               const std::vector<Segment>& segments, Mat<T, Space> out, Mat<T, Space> log_sum = {});

// Adjoint, with the scores recomputed from log_sum (Dao et al., arXiv 2205.14135, algorithm 4):
//   P = exp(scale q k^T - log_sum), dS = P (dout v^T - sum(dout out));  dv = P^T dout, dq = scale dS k, dk = scale dS^T
//   q
// dq [N], dk, dv [M] like q, k, v; rows outside every segment get zero. A query row may be in one segment only.
template <class T, class Space>
void attention_backward(Context<Space>& context, int heads, Mat<const T, Space> q, Mat<const T, Space> k,
                        Mat<const T, Space> v, Mat<const T, Space> out, Mat<const T, Space> log_sum,
                        Mat<const T, Space> dout, const std::vector<Segment>& segments, Mat<T, Space> dq,
                        Mat<T, Space> dk, Mat<T, Space> dv);

}  // namespace streamtube::surrogate
