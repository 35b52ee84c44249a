#pragma once
// Geometry points to supernode tokens: a message from every neighbour, their mean in a fixed order, merged with the
// supernode's own embedding.

#include "geometry/inverse_index.dev.hpp"
#include "geometry/radius_search.dev.hpp"
#include "surrogate/model/config.hpp"
#include "surrogate/ops/types.dev.hpp"

namespace streamtube::surrogate {

template <class T, class Space>
struct PoolingParameters {
  Mat<const T, Space> message_up, message_down, merge;                 // [D][D or 2D], [D][D], [D][2D]
  Mat<const T, Space> message_features, own_features;                  // [D][F]; empty: points have no features
  Vec<const T, Space> message_up_bias, message_down_bias, merge_bias;  // [D]
  Vec<const float, Space> own_frequency;                               // of D channels over 3 axes
  Vec<const float, Space> relative_frequency;  // of D channels over 4 axes (dx, dy, dz, distance)
};

// to [S][3] = points[index[s]]
template <class T, class Space>
void gather_positions(Context<Space>& context, Mat<const T, Space> points, Vec<const std::int64_t, Space> index,
                      Mat<T, Space> to);

// Adjoint: dpoints [P][3] += the rows of dto [S][3] that were gathered from each point; `inverse` of `index`, which may
// be empty while the arena measures.
template <class T, class Space>
void gather_positions_backward(Context<Space>& context, const geometry::InverseIndex<Space>& inverse,
                               Mat<const T, Space> dto, Mat<T, Space> dpoints);

// What the adjoint need not compute anew where the forward pass was given it to fill: the hidden channels of every
// edge before GELU [edges][D], their mean after it [S][D], the rows that are merged [S][2D].
template <class T, class Space>
struct PoolingTape {
  Mat<T, Space> up, mean, merged;
  bool kept() const { return merged.extent(0) > 0; }
};
template <class T, class Space>
PoolingTape<T, Space> take_pooling_tape(Context<Space>& context, const geometry::Neighbors<Space>& neighbors,
                                        std::size_t supernodes, int max_degree, std::size_t size);

// points [P][3], features of the points [P][F] (empty without), supernodes [S] indices, tokens [S][D]. A point's
// features join the hidden channels of the messages it sends, a supernode's its token. A supernode without neighbours
// gets a zero message. `neighbors` may be empty while the arena measures.
template <class T, class Space>
void supernode_pooling(Context<Space>& context, Message message, const PoolingParameters<T, Space>& parameters,
                       Mat<const T, Space> points, Vec<const std::int64_t, Space> supernodes,
                       const geometry::Neighbors<Space>& neighbors, int max_degree, Mat<T, Space> tokens,
                       const PoolingTape<T, Space>& tape = {}, Mat<const T, Space> features = {});

// Where the adjoint adds the gradients of the parameters; biases may be empty.
template <class T, class Space>
struct PoolingGradients {
  Mat<T, Space> message_up, message_down, merge;
  Vec<T, Space> message_up_bias, message_down_bias, merge_bias;
  Mat<T, Space> message_features, own_features;
};

// Where the adjoint adds that of the points, with the neighbour lists held fixed; empty dpoints: not wanted. A point
// moves the messages it sends and, where it is a supernode, those it receives and its own embedding. The distance has
// no derivative at 0, where a supernode is its own neighbour: it is taken as 0.
template <class T, class Space>
struct PointAdjoint {
  Mat<T, Space> dpoints;                              // [P][3]
  geometry::InverseIndex<Space> sources, supernodes;  // of neighbors.source and of the supernodes' indices
};

// Adjoint in the parameters and the points, given dtokens [S][D]. Without a tape messages are computed anew, a block of
// supernodes at a time; with one the result has the same bits.
template <class T, class Space>
void supernode_pooling_backward(Context<Space>& context, Message message, const PoolingParameters<T, Space>& parameters,
                                Mat<const T, Space> points, Vec<const std::int64_t, Space> supernodes,
                                const geometry::Neighbors<Space>& neighbors, int max_degree,
                                Mat<const T, Space> dtokens, const PoolingGradients<T, Space>& gradients,
                                const PointAdjoint<T, Space>& points_adjoint = {},
                                const PoolingTape<T, Space>& tape = {}, Mat<const T, Space> features = {});

}  // namespace streamtube::surrogate
