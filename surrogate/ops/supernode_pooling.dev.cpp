#include "surrogate/ops/supernode_pooling.dev.hpp"

#include <algorithm>

#include "surrogate/ops/embedding.dev.hpp"
#include "surrogate/ops/linear.dev.hpp"

namespace streamtube::surrogate {
namespace {

constexpr std::int64_t chunk = 256;  // supernodes at a time: bounds the memory for messages

// A message is a linear layer of the edge's hidden channels, so the mean of the messages is that layer of the mean of
// the hidden channels: it runs once a supernode instead of once an edge.

// Edges first.. of `rows` rows: x = (x_supernode - x_point, distance), or both end points one after the other.
template <class T, class Space>
void edge_features(Context<Space>& context, Message message, Mat<const T, Space> points,
                   Vec<const std::int64_t, Space> supernodes, const geometry::Neighbors<Space>& neighbors,
                   std::int64_t begin, std::int64_t end, Mat<T, Space> source_or_offset, Mat<T, Space> target) {
  const auto offset = neighbors.offset;
  const auto source = neighbors.source;
  const bool relative = message == Message::relative;
  Kokkos::parallel_for(
      "streamtube::surrogate::supernode_pooling::edges",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, begin, end),
      KOKKOS_LAMBDA(const std::int64_t s) {
        const std::int64_t center = supernodes(s);
        for (std::int64_t e = offset(s); e < offset(s + 1); ++e) {
          const std::int64_t row = e - offset(begin);
          T squares = 0;
          for (int a = 0; a < 3; ++a) {
            const T to = points(center, a), from = points(source(e), a), d = to - from;
            source_or_offset(row, a) = relative ? d : from;
            if (!relative) target(row, a) = to;
            squares += d * d;
          }
          if (relative) source_or_offset(row, 3) = Kokkos::sqrt(squares);
        }
      });
}

// mean [S][D] of supernodes begin..end: of their rows of `hidden`, summed in order; zero without neighbours.
template <class T, class Space>
void mean_of_edges(Context<Space>& context, const geometry::Neighbors<Space>& neighbors, std::int64_t begin,
                   std::int64_t end, Mat<const T, Space> hidden, Mat<T, Space> mean) {
  if (context.measuring()) return;
  const auto offset = neighbors.offset;
  const int size = static_cast<int>(hidden.extent(1));
  Kokkos::parallel_for(
      "streamtube::surrogate::supernode_pooling::mean",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, begin, end),
      KOKKOS_LAMBDA(const std::int64_t s) {
        const std::int64_t from = offset(s) - offset(begin), to = offset(s + 1) - offset(begin);
        T* sum = &mean(s - begin, 0);
        for (int c = 0; c < size; ++c) sum[c] = T(0);
        for (std::int64_t e = from; e < to; ++e)
          for (int c = 0; c < size; ++c) sum[c] += hidden(e, c);
        if (to > from)
          for (int c = 0; c < size; ++c) sum[c] /= T(to - from);
      });
}

// to[:, 0 .. size] = from[:, 0 .. size] of supernodes begin..end; zero without neighbours.
template <class T, class Space>
void copy_messages(Context<Space>& context, const geometry::Neighbors<Space>& neighbors, std::int64_t begin,
                   std::int64_t end, int size, Mat<const T, Space> from, Mat<T, Space> to) {
  if (context.measuring()) return;
  const auto offset = neighbors.offset;
  Kokkos::parallel_for(
      "streamtube::surrogate::supernode_pooling::copy_messages",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, begin, end),
      KOKKOS_LAMBDA(const std::int64_t s) {
        const bool any = offset(s + 1) > offset(s);
        for (int c = 0; c < size; ++c) to(s - begin, c) = any ? from(s - begin, c) : T(0);
      });
}

// y[:, at .. at + x columns] = x
template <class T, class Space>
void copy_columns(Context<Space>& context, Mat<const T, Space> x, Mat<T, Space> y, int at) {
  if (context.measuring() || x.extent(0) == 0) return;
  const int width = static_cast<int>(x.extent(1));
  Kokkos::parallel_for(
      "streamtube::surrogate::supernode_pooling::copy_columns",
      Kokkos::RangePolicy<Space>(context.space, 0, x.extent(0)), KOKKOS_LAMBDA(const int row) {
        for (int c = 0; c < width; ++c) y(row, at + c) = x(row, c);
      });
}

// What the messages of supernodes begin..end are made of: embedded [edges][D or 2D].
template <class T, class Space>
void embed_edges(Context<Space>& context, Message message, const PoolingParameters<T, Space>& p,
                 Mat<const T, Space> points, Vec<const std::int64_t, Space> supernodes,
                 const geometry::Neighbors<Space>& neighbors, std::int64_t begin, std::int64_t end,
                 Mat<T, Space> embedded) {
  typename core::Arena<Space>::Scope scope(context.arena);
  const bool relative = message == Message::relative;
  const std::size_t edges = embedded.extent(0), size = embedded.extent(1) / (relative ? 1 : 2);
  Mat<T, Space> first = take<T>(context, edges, relative ? 4 : 3), second = take<T>(context, edges, 3);
  if (!context.measuring() && edges > 0)
    edge_features<T>(context, message, points, supernodes, neighbors, begin, end, first, second);
  if (relative) {
    sincos_embedding<T>(context, first, p.relative_frequency, embedded);
  } else {
    Mat<T, Space> one = take<T>(context, edges, size);
    sincos_embedding<T>(context, first, p.own_frequency, one);
    copy_columns<T, Space>(context, one, embedded, 0);
    sincos_embedding<T>(context, second, p.own_frequency, one);
    copy_columns<T, Space>(context, one, embedded, static_cast<int>(size));
  }
}

// merged[:, D .. 2D] of supernodes begin..end: their own embedding.
template <class T, class Space>
void embed_own(Context<Space>& context, const PoolingParameters<T, Space>& p, Mat<const T, Space> points,
               Vec<const std::int64_t, Space> supernodes, std::int64_t begin, std::int64_t end, Mat<T, Space> merged) {
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::size_t size = merged.extent(1) / 2;
  Mat<T, Space> position = take<T>(context, end - begin, 3), own = take<T>(context, end - begin, size);
  gather_positions<T, Space>(context, points, Vec<const std::int64_t, Space>(supernodes.data() + begin, end - begin),
                             position);
  sincos_embedding<T>(context, position, p.own_frequency, own);
  copy_columns<T, Space>(context, own, merged, static_cast<int>(size));
}

// to [edges][F] of supernodes begin..end: features of the point that sends the message.
template <class T, class Space>
void features_of_sources(Context<Space>& context, const geometry::Neighbors<Space>& neighbors, std::int64_t begin,
                         std::int64_t end, Mat<const T, Space> features, Mat<T, Space> to) {
  if (context.measuring() || to.size() == 0) return;
  const auto offset = neighbors.offset;
  const auto source = neighbors.source;
  const int width = static_cast<int>(to.extent(1));
  Kokkos::parallel_for(
      "streamtube::surrogate::supernode_pooling::features",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, begin, end),
      KOKKOS_LAMBDA(const std::int64_t s) {
        for (std::int64_t e = offset(s); e < offset(s + 1); ++e)
          for (int c = 0; c < width; ++c) to(e - offset(begin), c) = features(source(e), c);
      });
}

// to [S][F] = features[index[s]]
template <class T, class Space>
void features_of_supernodes(Context<Space>& context, Mat<const T, Space> features, Vec<const std::int64_t, Space> index,
                            Mat<T, Space> to) {
  if (context.measuring() || to.size() == 0) return;
  const int width = static_cast<int>(to.extent(1));
  Kokkos::parallel_for(
      "streamtube::surrogate::supernode_pooling::own_features",
      Kokkos::RangePolicy<Space>(context.space, 0, to.extent(0)), KOKKOS_LAMBDA(const int s) {
        for (int c = 0; c < width; ++c) to(s, c) = features(index(s), c);
      });
}

// up [edges][D] += what the features of the senders add to the hidden channels.
template <class T, class Space>
void add_message_features(Context<Space>& context, const PoolingParameters<T, Space>& p,
                          const geometry::Neighbors<Space>& neighbors, std::int64_t begin, std::int64_t end,
                          Mat<const T, Space> features, Mat<T, Space> up) {
  if (!p.message_features.data()) return;
  typename core::Arena<Space>::Scope scope(context.arena);
  Mat<T, Space> sent = take<T>(context, up.extent(0), features.extent(1));
  features_of_sources<T, Space>(context, neighbors, begin, end, features, sent);
  linear<T, Space>(context, sent, p.message_features, {}, up, Epilogue::accumulate);
}

// dhidden of every edge = its supernode's dmean over the number of its edges.
template <class T, class Space>
void spread_mean(Context<Space>& context, const geometry::Neighbors<Space>& neighbors, std::int64_t begin,
                 std::int64_t end, Mat<const T, Space> dmean, Mat<T, Space> dhidden) {
  if (context.measuring()) return;
  const auto offset = neighbors.offset;
  const int size = static_cast<int>(dhidden.extent(1));
  Kokkos::parallel_for(
      "streamtube::surrogate::supernode_pooling_backward::spread",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, begin, end),
      KOKKOS_LAMBDA(const std::int64_t s) {
        const std::int64_t from = offset(s) - offset(begin), to = offset(s + 1) - offset(begin);
        for (std::int64_t e = from; e < to; ++e)
          for (int c = 0; c < size; ++c) dhidden(e, c) = dmean(s - begin, c) / T(to - from);
      });
}

// Adjoint of edge_features: dsource of every edge of supernodes begin..end is written, dsupernode added to.
template <class T, class Space>
void edge_features_backward(Context<Space>& context, Message message, Mat<const T, Space> points,
                            Vec<const std::int64_t, Space> supernodes, const geometry::Neighbors<Space>& neighbors,
                            std::int64_t begin, std::int64_t end, Mat<const T, Space> dsource_or_offset,
                            Mat<const T, Space> dtarget, Mat<T, Space> dsource, Mat<T, Space> dsupernode) {
  const auto offset = neighbors.offset;
  const auto source = neighbors.source;
  const bool relative = message == Message::relative;
  Kokkos::parallel_for(
      "streamtube::surrogate::supernode_pooling_backward::edges",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, begin, end),
      KOKKOS_LAMBDA(const std::int64_t s) {
        const std::int64_t center = supernodes(s);
        for (std::int64_t e = offset(s); e < offset(s + 1); ++e) {
          const std::int64_t row = e - offset(begin);
          if (relative) {
            T d[3], squares = 0;
            for (int a = 0; a < 3; ++a) {
              d[a] = points(center, a) - points(source(e), a);
              squares += d[a] * d[a];
            }
            const T along = squares > 0 ? dsource_or_offset(row, 3) / Kokkos::sqrt(squares) : T(0);
            for (int a = 0; a < 3; ++a) {
              const T g = dsource_or_offset(row, a) + along * d[a];
              dsource(e, a) = -g, dsupernode(s, a) += g;
            }
          } else {
            for (int a = 0; a < 3; ++a) {
              dsource(e, a) = dsource_or_offset(row, a);
              dsupernode(s, a) += dtarget(row, a);
            }
          }
        }
      });
}

// Number of edges of supernodes begin..end; the most there can be while the arena measures.
template <class Space>
std::int64_t count_edges(const Context<Space>& context, const geometry::Neighbors<Space>& neighbors, std::int64_t begin,
                         std::int64_t end, int max_degree) {
  return context.measuring() ? (end - begin) * max_degree : neighbors.host_offset(end) - neighbors.host_offset(begin);
}

template <class T, class Space>
Mat<T, Space> edge_rows(const Context<Space>& context, const PoolingTape<T, Space>& tape,
                        const geometry::Neighbors<Space>& neighbors, std::int64_t begin, std::int64_t edges) {
  const std::int64_t first = context.measuring() ? 0 : neighbors.host_offset(begin);
  return rows(tape.up, first, first + edges);
}

}  // namespace

template <class T, class Space>
PoolingTape<T, Space> take_pooling_tape(Context<Space>& context, const geometry::Neighbors<Space>& neighbors,
                                        std::size_t supernodes, int max_degree, std::size_t size) {
  const std::int64_t edges = count_edges(context, neighbors, 0, static_cast<std::int64_t>(supernodes), max_degree);
  return {take<T>(context, static_cast<std::size_t>(edges), size), take<T>(context, supernodes, size),
          take<T>(context, supernodes, 2 * size)};
}

template <class T, class Space>
void gather_positions(Context<Space>& context, Mat<const T, Space> points, Vec<const std::int64_t, Space> index,
                      Mat<T, Space> to) {
  core::expect(index.extent(0) == to.extent(0) && points.extent(1) == 3 && to.extent(1) == 3,
               "gather_positions: shapes");
  if (context.measuring() || index.extent(0) == 0) return;
  Kokkos::parallel_for(
      "streamtube::surrogate::gather_positions", Kokkos::RangePolicy<Space>(context.space, 0, index.extent(0)),
      KOKKOS_LAMBDA(const int i) {
        for (int a = 0; a < 3; ++a) to(i, a) = points(index(i), a);
      });
}

template <class T, class Space>
void gather_positions_backward(Context<Space>& context, const geometry::InverseIndex<Space>& inverse,
                               Mat<const T, Space> dto, Mat<T, Space> dpoints) {
  core::expect(dto.extent(1) == 3 && dpoints.extent(1) == 3, "gather_positions_backward: shapes");
  if (context.measuring()) return;
  const auto offset = inverse.offset, entry = inverse.entry;
  core::expect(offset.extent(0) == dpoints.extent(0) + 1 && entry.extent(0) == dto.extent(0),
               "gather_positions_backward: the inverse index is of other points");
  Kokkos::parallel_for(
      "streamtube::surrogate::gather_positions_backward",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(context.space, 0, dpoints.extent(0)),
      KOKKOS_LAMBDA(const std::int64_t p) {
        for (int a = 0; a < 3; ++a) {
          T sum = 0;
          for (std::int64_t at = offset(p); at < offset(p + 1); ++at) sum += dto(entry(at), a);
          dpoints(p, a) += sum;
        }
      });
}

template <class T, class Space>
void supernode_pooling(Context<Space>& context, Message message, const PoolingParameters<T, Space>& p,
                       Mat<const T, Space> points, Vec<const std::int64_t, Space> supernodes,
                       const geometry::Neighbors<Space>& neighbors, int max_degree, Mat<T, Space> tokens,
                       const PoolingTape<T, Space>& tape, Mat<const T, Space> features) {
  const std::int64_t count = static_cast<std::int64_t>(supernodes.extent(0));
  const int size = static_cast<int>(tokens.extent(1));
  core::expect(points.extent(1) == 3 && static_cast<std::int64_t>(tokens.extent(0)) == count &&
                   features.extent(1) == p.message_features.extent(1) && features.extent(1) == p.own_features.extent(1),
               "supernode_pooling: shapes");
  const bool relative = message == Message::relative;
  for (std::int64_t begin = 0; begin < count; begin += chunk) {
    typename core::Arena<Space>::Scope scope(context.arena);
    const std::int64_t end = std::min(count, begin + chunk);
    const std::int64_t edges = count_edges(context, neighbors, begin, end, max_degree);
    Mat<T, Space> merged = tape.kept() ? rows(tape.merged, begin, end) : take<T>(context, end - begin, 2 * size),
                  mean = tape.kept() ? rows(tape.mean, begin, end) : take<T>(context, end - begin, size),
                  messages = take<T>(context, end - begin, size);
    {
      typename core::Arena<Space>::Scope inner(context.arena);
      Mat<T, Space> embedded = take<T>(context, edges, relative ? size : 2 * size);
      embed_edges<T, Space>(context, message, p, points, supernodes, neighbors, begin, end, embedded);
      Mat<T, Space> hidden = take<T>(context, edges, size);
      if (tape.kept() || p.message_features.data()) {
        const Mat<T, Space> up = tape.kept() ? edge_rows(context, tape, neighbors, begin, edges) : hidden;
        linear<T, Space>(context, embedded, p.message_up, p.message_up_bias, up);
        add_message_features<T, Space>(context, p, neighbors, begin, end, features, up);
        gelu_forward<T, Space>(context, up, hidden);
      } else {
        linear<T, Space>(context, embedded, p.message_up, p.message_up_bias, hidden, Epilogue::gelu);
      }
      mean_of_edges<T, Space>(context, neighbors, begin, end, hidden, mean);
    }
    linear<T, Space>(context, mean, p.message_down, p.message_down_bias, messages);
    copy_messages<T, Space>(context, neighbors, begin, end, size, messages, merged);
    embed_own<T, Space>(context, p, points, supernodes, begin, end, merged);
    linear<T, Space>(context, merged, p.merge, p.merge_bias, rows(tokens, begin, end));
    if (!p.own_features.data()) continue;
    Mat<T, Space> own = take<T>(context, end - begin, features.extent(1));
    features_of_supernodes<T, Space>(context, features,
                                     Vec<const std::int64_t, Space>(supernodes.data() + begin, end - begin), own);
    linear<T, Space>(context, own, p.own_features, {}, rows(tokens, begin, end), Epilogue::accumulate);
  }
}

template <class T, class Space>
void supernode_pooling_backward(Context<Space>& context, Message message, const PoolingParameters<T, Space>& p,
                                Mat<const T, Space> points, Vec<const std::int64_t, Space> supernodes,
                                const geometry::Neighbors<Space>& neighbors, int max_degree,
                                Mat<const T, Space> dtokens, const PoolingGradients<T, Space>& g,
                                const PointAdjoint<T, Space>& points_adjoint, const PoolingTape<T, Space>& tape,
                                Mat<const T, Space> features) {
  const std::int64_t count = static_cast<std::int64_t>(supernodes.extent(0));
  const std::size_t size = dtokens.extent(1);
  const Mat<T, Space> dpoints = points_adjoint.dpoints;
  const bool relative = message == Message::relative;
  core::expect(static_cast<std::int64_t>(dtokens.extent(0)) == count, "supernode_pooling_backward: shapes");
  core::expect(!dpoints.data() || dpoints.extent(0) == points.extent(0), "supernode_pooling_backward: rows of dpoints");
  typename core::Arena<Space>::Scope whole(context.arena);
  Mat<T, Space> dsource, dsupernode;  // of every edge and every supernode
  if (dpoints.data()) {
    dsource = take<T>(context, count_edges(context, neighbors, 0, count, max_degree), 3);
    dsupernode = take<T>(context, count, 3);
    fill_zero<T, Space>(context, dsupernode);
  }
  for (std::int64_t begin = 0; begin < count; begin += chunk) {
    typename core::Arena<Space>::Scope scope(context.arena);
    const std::int64_t end = std::min(count, begin + chunk);
    const std::int64_t edges = count_edges(context, neighbors, begin, end, max_degree);
    Mat<T, Space> dmerged = take<T>(context, end - begin, 2 * size),
                  embedded = take<T>(context, edges, relative ? size : 2 * size),
                  hidden = take<T>(context, edges, size), messages = take<T>(context, end - begin, size), up, mean,
                  merged;
    embed_edges<T, Space>(context, message, p, points, supernodes, neighbors, begin, end, embedded);
    if (tape.kept()) {
      up = edge_rows(context, tape, neighbors, begin, edges);
      mean = rows(tape.mean, begin, end), merged = rows(tape.merged, begin, end);
    } else {
      up = take<T>(context, edges, size), mean = take<T>(context, end - begin, size);
      merged = take<T>(context, end - begin, 2 * size);
      linear<T, Space>(context, embedded, p.message_up, p.message_up_bias, up);
      add_message_features<T, Space>(context, p, neighbors, begin, end, features, up);
      gelu_forward<T, Space>(context, up, hidden);
      mean_of_edges<T, Space>(context, neighbors, begin, end, hidden, mean);
      linear<T, Space>(context, mean, p.message_down, p.message_down_bias, messages);
      copy_messages<T, Space>(context, neighbors, begin, end, static_cast<int>(size), messages, merged);
      embed_own<T, Space>(context, p, points, supernodes, begin, end, merged);
    }

    linear_backward<T, Space>(context, merged, p.merge, rows(dtokens, begin, end), dmerged, Adjoint::overwrite, g.merge,
                              g.merge_bias);
    if (p.own_features.data()) {
      typename core::Arena<Space>::Scope inner(context.arena);
      Mat<T, Space> own = take<T>(context, end - begin, features.extent(1));
      features_of_supernodes<T, Space>(context, features,
                                       Vec<const std::int64_t, Space>(supernodes.data() + begin, end - begin), own);
      linear_backward<T, Space>(context, own, p.own_features, rows(dtokens, begin, end), {}, Adjoint::overwrite,
                                g.own_features, {});
    }
    const Mat<T, Space> dmessages = messages, dmean = take<T>(context, end - begin, size), dhidden = hidden;
    copy_messages<T, Space>(context, neighbors, begin, end, static_cast<int>(size), dmerged, dmessages);
    linear_backward<T, Space>(context, mean, p.message_down, dmessages, dmean, Adjoint::overwrite, g.message_down,
                              g.message_down_bias);
    spread_mean<T, Space>(context, neighbors, begin, end, dmean, dhidden);
    gelu_backward<T, Space>(context, up, dhidden, dhidden);
    if (p.message_features.data()) {
      typename core::Arena<Space>::Scope inner(context.arena);
      Mat<T, Space> sent = take<T>(context, edges, features.extent(1));
      features_of_sources<T, Space>(context, neighbors, begin, end, features, sent);
      linear_backward<T, Space>(context, sent, p.message_features, dhidden, {}, Adjoint::overwrite, g.message_features,
                                {});
    }
    Mat<T, Space> dembedded, dfirst, dsecond;
    if (dpoints.data()) dembedded = take<T>(context, edges, embedded.extent(1));
    linear_backward<T, Space>(context, embedded, p.message_up, dhidden, dembedded, Adjoint::overwrite, g.message_up,
                              g.message_up_bias);
    if (!dpoints.data()) continue;
    sincos_embedding_backward<T, Space>(context, merged, p.own_frequency, dmerged, size, rows(dsupernode, begin, end));
    dfirst = take<T>(context, edges, relative ? 4 : 3), dsecond = take<T>(context, edges, 3);
    fill_zero<T, Space>(context, dfirst), fill_zero<T, Space>(context, dsecond);
    sincos_embedding_backward<T, Space>(context, embedded, relative ? p.relative_frequency : p.own_frequency, dembedded,
                                        0, dfirst);
    if (!relative) sincos_embedding_backward<T, Space>(context, embedded, p.own_frequency, dembedded, size, dsecond);
    if (!context.measuring())
      edge_features_backward<T, Space>(context, message, points, supernodes, neighbors, begin, end, dfirst, dsecond,
                                       dsource, dsupernode);
  }
  if (!dpoints.data()) return;
  gather_positions_backward<T, Space>(context, points_adjoint.sources, dsource, dpoints);
  gather_positions_backward<T, Space>(context, points_adjoint.supernodes, dsupernode, dpoints);
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                                 \
  template void gather_positions<T, S>(Context<S>&, Mat<const T, S>, Vec<const std::int64_t, S>, Mat<T, S>);         \
  template void gather_positions_backward<T, S>(Context<S>&, const geometry::InverseIndex<S>&, Mat<const T, S>,      \
                                                Mat<T, S>);                                                          \
  template void supernode_pooling<T, S>(Context<S>&, Message, const PoolingParameters<T, S>&, Mat<const T, S>,       \
                                        Vec<const std::int64_t, S>, const geometry::Neighbors<S>&, int, Mat<T, S>,   \
                                        const PoolingTape<T, S>&, Mat<const T, S>);                                  \
  template void supernode_pooling_backward<T, S>(                                                                    \
      Context<S>&, Message, const PoolingParameters<T, S>&, Mat<const T, S>, Vec<const std::int64_t, S>,             \
      const geometry::Neighbors<S>&, int, Mat<const T, S>, const PoolingGradients<T, S>&, const PointAdjoint<T, S>&, \
      const PoolingTape<T, S>&, Mat<const T, S>);                                                                    \
  template PoolingTape<T, S> take_pooling_tape<T, S>(Context<S>&, const geometry::Neighbors<S>&, std::size_t, int,   \
                                                     std::size_t);
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
