#pragma once
// Multi-head attention over segments: self, cross, joint, perceiver and decoder attention are all this op.
// Online softmax (Milakov and Gimelshein, arXiv 1805.02867): no matrix of queries by keys in memory.

#include <vector>

#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate {

// q, out [N][heads * head]; k, v [M][heads * head], rotated already. Rows of q outside every segment keep their old
// out. A segment with queries must have keys. segments: host memory.
template <class T, class Space>
void attention(Context<Space>& context, int heads, Mat<const T, Space> q, Mat<const T, Space> k, Mat<const T, Space> v,
               const std::vector<Segment>& segments, Mat<T, Space> out);

}  // namespace streamtube::surrogate
