#include "surrogate/model/abupt_half.dev.hpp"

#include "surrogate/ops/embedding.dev.hpp"
#include "surrogate/ops/half.dev.hpp"
#include "surrogate/ops/linear.dev.hpp"

namespace streamtube::surrogate {
namespace {

constexpr int most_head = 128;          // of attention16()
constexpr std::size_t alignment = 128;  // elements: 256 bytes of bfloat16, what GPUs' matrix loads like best

std::size_t padded(std::size_t size) { return (size + alignment - 1) / alignment * alignment; }

}  // namespace

template <class Space>
AbuptHalf<Space>::AbuptHalf(const Model& model) : model_(model) {
  const AbuptConfig& c = model.config();
  if (c.head_size() > most_head)
    throw core::Error(
        core::ErrorKind::usage,
        core::str("precision bf16: this model's heads have ", c.head_size(), " channels, more than ", most_head),
        "use precision fp32");
  const auto all = [&] {
    std::size_t matrices = 0, vectors = 0;
    geometry_blocks_ = make_blocks(model.geometry_blocks_, matrices, vectors);
    physics_blocks_ = make_blocks(model.physics_blocks_, matrices, vectors);
    for (int b = 0; b < 2; ++b) decoder_blocks_[b] = make_blocks(model.decoder_blocks_[b], matrices, vectors);
    return std::pair{matrices, vectors};
  };
  // Once for the sizes, once for the addresses.
  const auto [matrices, vectors] = all();
  using Kokkos::view_alloc, Kokkos::WithoutInitializing;
  matrices_ =
      decltype(matrices_)(view_alloc(WithoutInitializing, "streamtube::surrogate::AbuptHalf::matrices"), matrices);
  vectors_ = decltype(vectors_)(view_alloc(WithoutInitializing, "streamtube::surrogate::AbuptHalf::vectors"), vectors);
  all();
  const BackendSet backends;
  core::Arena<Space> arena;
  Context<Space> context{Space(), arena, backends};
  const auto round = [&](Mat<const float, Space> from, Mat<Bf16, Space> to) { round16<Space>(context, from, {}, to); };
  for (const std::vector<Block>* blocks :
       {&geometry_blocks_, &physics_blocks_, &decoder_blocks_[0], &decoder_blocks_[1]})
    for (const Block& b : *blocks) {
      const typename Model::Block& s = *b.source;
      round(s.q, b.q.weight), round(s.k, b.k.weight), round(s.v, b.v.weight), round(s.up, b.up.weight);
      if (!c.condition) round(s.out, b.out.weight), round(s.down, b.down.weight);
    }
  context.space.fence("streamtube::surrogate::AbuptHalf");
}

template <class Space>
std::vector<typename AbuptHalf<Space>::Block> AbuptHalf<Space>::make_blocks(
    const std::vector<typename Model::Block>& blocks, std::size_t& matrices, std::size_t& vectors) const {
  const auto matrix = [&](Mat<const float, Space> like) {
    const Mat<Bf16, Space> taken(matrices_.data() + matrices, like.extent(0), like.extent(1));
    matrices += padded(like.size());
    return taken;
  };
  const auto vector = [&](std::size_t size) {
    const Mat<float, Space> taken(vectors_.data() + vectors, 1, size);
    vectors += padded(size);
    return taken;
  };
  std::vector<Block> made;
  for (const typename Model::Block& s : blocks) {
    Block b;
    b.source = &s;
    b.q = {matrix(s.q), s.q_bias}, b.k = {matrix(s.k), s.k_bias}, b.v = {matrix(s.v), s.v_bias};
    b.out = {matrix(s.out), s.out_bias}, b.up = {matrix(s.up), s.up_bias}, b.down = {matrix(s.down), s.down_bias};
    if (model_.config().condition) {
      b.modulation = vector(s.modulation.extent(0));
      for (const auto& [layer, bias] : {std::pair{&b.out, &b.out_bias}, std::pair{&b.down, &b.down_bias}})
        if (layer->bias.data()) {
          *bias = vector(layer->bias.extent(0));
          layer->bias = {bias->data(), bias->extent(1)};
        }
    }
    made.push_back(b);
  }
  return made;
}

template <class Space>
Vec<const float, Space> AbuptHalf<Space>::part(const Block& block, std::size_t part) const {
  const std::size_t d = static_cast<std::size_t>(model_.config().hidden);
  if (!model_.config().condition) return {};
  return {block.modulation.data() + part * d, d};
}

template <class Space>
void AbuptHalf<Space>::begin_case(Context<Space>& context, const Case& input) {
  if (!model_.config().condition) return;
  for (const std::vector<Block>* blocks :
       {&geometry_blocks_, &physics_blocks_, &decoder_blocks_[0], &decoder_blocks_[1]})
    for (const Block& b : *blocks) {
      const typename Model::Block& s = *b.source;
      linear<float, Space>(context, input.condition, s.modulation, s.modulation_bias, b.modulation);
      const auto gate = [&](std::size_t which, Mat<const float, Space> weight, Vec<const float, Space> bias,
                            Mat<Bf16, Space> gated, Mat<float, Space> gated_bias) {
        const Vec<const float, Space> g = part(b, which);
        round16<Space>(context, weight, g, gated);
        if (bias.data()) gate_columns<float, Space>(context, {}, {bias.data(), 1, bias.extent(0)}, g, gated_bias);
      };
      // Scale, shift and gate of the attention (perceiver: scale and shift of queries and keys first), then the MLP's.
      gate(s.perceiver ? 4 : 2, s.out, s.out_bias, b.out.weight, b.out_bias);
      gate(s.perceiver ? 7 : 5, s.down, s.down_bias, b.down.weight, b.down_bias);
    }
}

template <class Space>
void AbuptHalf<Space>::norm(Context<Space>& context, const Block& block, Mat<const float, Space> x,
                            Vec<const float, Space> weight, Vec<const float, Space> bias, std::size_t first_part,
                            Mat<Bf16, Space> y) const {
  layer_norm16<Space>(context, x, weight, bias, part(block, first_part), part(block, first_part + 1),
                      model_.config().norm_eps, y);
}

template <class Space>
void AbuptHalf<Space>::store(Context<Space>& context, Mat<const Bf16, Space> x, const Linear& layer, Mat<Bf16, Space> y,
                             Epilogue epilogue) const {
  core::expect(
      x.extent(0) == y.extent(0) && x.extent(1) == layer.weight.extent(1) && y.extent(1) == layer.weight.extent(0),
      "linear16: shapes of x, weight and y do not match");
  linear16<Space>(context, {x.data(), layer.weight.data(), layer.bias.data(), y.data(), nullptr,
                            static_cast<std::int64_t>(x.extent(0)), static_cast<std::int64_t>(y.extent(1)),
                            static_cast<std::int64_t>(x.extent(1)), epilogue});
}

template <class Space>
void AbuptHalf<Space>::accumulate(Context<Space>& context, Mat<const Bf16, Space> x, const Linear& layer,
                                  Mat<float, Space> y) const {
  core::expect(
      x.extent(0) == y.extent(0) && x.extent(1) == layer.weight.extent(1) && y.extent(1) == layer.weight.extent(0),
      "linear16: shapes of x, weight and y do not match");
  linear16<Space>(context, {x.data(), layer.weight.data(), layer.bias.data(), nullptr, y.data(),
                            static_cast<std::int64_t>(x.extent(0)), static_cast<std::int64_t>(y.extent(1)),
                            static_cast<std::int64_t>(x.extent(1)), Epilogue::accumulate});
}

template <class Space>
void AbuptHalf<Space>::project_keys(Context<Space>& context, const Block& block, Mat<const Bf16, Space> normed,
                                    Mat<const float, Space> table, Mat<Bf16, Space> keys,
                                    Mat<Bf16, Space> values) const {
  store(context, normed, block.k, keys);
  rotate16<Space>(context, keys, table);
  store(context, normed, block.v, values);
}

template <class Space>
void AbuptHalf<Space>::block_forward(Context<Space>& context, const Block& block, const Case& input,
                                     Mat<float, Space> x, Mat<const float, Space> table,
                                     const std::vector<Segment>& segments, const std::vector<KeyRows>& key_rows,
                                     Mat<const float, Space> supernodes,
                                     const typename Cache::KeysValues& cache) const {
  const AbuptConfig& c = model_.config();
  const typename Model::Block& s = *block.source;
  const std::size_t count = x.extent(0), d = x.extent(1);
  for (const Segment& segment : segments)
    core::expect(segment.query_end <= static_cast<std::int64_t>(count) &&
                     segment.key_end <= static_cast<std::int64_t>(cache.keys.extent(0)),
                 "attention16: a segment is out of range");
  if (s.perceiver && supernodes.extent(0) > 0) {
    typename core::Arena<Space>::Scope scope(context.arena);
    const Mat<Bf16, Space> normed = take<Bf16>(context, supernodes.extent(0), d);
    const Mat<float, Space> supernode_table =
        take<float>(context, supernodes.extent(0), static_cast<std::size_t>(c.head_size()));
    model_.supernode_table(context, input, supernode_table);
    norm(context, block, supernodes, s.norm_kv_weight, s.norm_kv_bias, 2, normed);
    project_keys(context, block, normed, supernode_table, cache.keys, cache.values);
  }
  typename core::Arena<Space>::Scope scope(context.arena);
  const Mat<Bf16, Space> normed = take<Bf16>(context, count, d);
  {
    typename core::Arena<Space>::Scope inner(context.arena);
    const Mat<Bf16, Space> q = take<Bf16>(context, count, d);
    norm(context, block, x, s.norm1_weight, s.norm1_bias, 0, normed);
    store(context, normed, block.q, q);
    rotate16<Space>(context, q, table);
    for (const KeyRows& r : key_rows) {
      const std::int64_t cache_end = r.cache_begin + r.end - r.begin;
      project_keys(context, block, rows(normed, r.begin, r.end), rows(table, r.begin, r.end),
                   rows(cache.keys, r.cache_begin, cache_end), rows(cache.values, r.cache_begin, cache_end));
    }
    // Its result takes the place of the normed rows.
    attention16<Space>(context, {q.data(), cache.keys.data(), cache.values.data(), normed.data(), c.heads,
                                 c.head_size(), segments.data(), static_cast<int>(segments.size())});
    accumulate(context, normed, block.out, x);
  }
  norm(context, block, x, s.norm2_weight, s.norm2_bias, s.perceiver ? 5 : 3, normed);
  const Mat<Bf16, Space> hidden = take<Bf16>(context, count, d * static_cast<std::size_t>(c.mlp_ratio));
  store(context, normed, block.up, hidden, Epilogue::gelu);
  accumulate(context, hidden, block.down, x);
}

template <class Space>
void AbuptHalf<Space>::encode_geometry(Context<Space>& context, const Case& input, Mat<float, Space> tokens,
                                       const TraceFunction& trace) const {
  model_.pool(context, input, tokens, trace);
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::size_t size = tokens.extent(0), d = tokens.extent(1);
  const std::int64_t count = static_cast<std::int64_t>(size);
  const Mat<float, Space> table = take<float>(context, size, static_cast<std::size_t>(model_.config().head_size()));
  model_.supernode_table(context, input, table);
  const Mat<Bf16, Space> keys = take<Bf16>(context, size, d), values = take<Bf16>(context, size, d);
  for (std::size_t i = 0; i < geometry_blocks_.size(); ++i) {
    block_forward(context, geometry_blocks_[i], input, tokens, table, {{0, count, 0, count}}, {{0, count, 0}}, {},
                  {keys, values});
    if (trace) trace(core::str("geometry_blocks.", i), tokens);
  }
}

template <class Space>
void AbuptHalf<Space>::forward(Context<Space>& context, const Case& input, Mat<const float, Space> geometry,
                               Mat<const float, Space> positions, const Rows& r, Cache& cache, Mat<float, Space> out[2],
                               const TraceFunction& trace, const typename Model::Features& features) const {
  typename core::Arena<Space>::Scope scope(context.arena);
  const AbuptConfig& c = model_.config();
  const ParameterStore<float, Space>& p = model_.parameters();
  const Mat<float, Space> x = take<float>(context, r.total(), static_cast<std::size_t>(c.hidden));
  const Mat<float, Space> table = take<float>(context, r.total(), static_cast<std::size_t>(c.head_size()));
  rotary_table<float, Space>(context, positions, model_.rotary_frequency_, table);
  for (const Branch branch : {Branch::surface, Branch::volume}) {
    const int b = static_cast<int>(branch);
    model_.embed(context, branch, rows(positions, r.begin(b), r.end(b)), features.of[b], rows(x, r.begin(b), r.end(b)));
  }

  // Keys in the cache: surface anchors, then volume anchors; anchors without queries between them in one go.
  std::vector<KeyRows> key_rows;
  if (r.queries[0] == 0 && r.anchors[0] + r.anchors[1] > 0) {
    key_rows.push_back({0, r.anchors[0] + r.anchors[1], 0});
  } else {
    for (int b = 0; b < 2; ++b)
      if (r.anchors[b] > 0) key_rows.push_back({r.begin(b), r.begin(b) + r.anchors[b], b == 0 ? 0 : cache.anchors[0]});
  }
  for (std::size_t i = 0; i < physics_blocks_.size(); ++i) {
    const char kind = c.physics_blocks[i];
    std::vector<Segment> segments;
    if (kind == 'p') {
      segments = {{0, r.total(), 0, cache.supernodes}};
    } else {
      for (int b = 0; b < 2; ++b) {
        const typename Model::KeyRange keys = Model::keys_of(kind, b, cache.supernodes, cache.anchors);
        segments.push_back({r.begin(b), r.end(b), keys.begin, keys.end});
      }
    }
    block_forward(context, physics_blocks_[i], input, x, table, segments,
                  kind == 'p' ? std::vector<KeyRows>{} : key_rows, geometry, cache.physics[i]);
    if (trace) trace(core::str("physics_blocks.", i), x);
  }

  for (const Branch branch : {Branch::surface, Branch::volume}) {
    const int b = static_cast<int>(branch);
    const std::int64_t count = r.end(b) - r.begin(b);
    if (count == 0) continue;
    const Mat<float, Space> mine = rows(x, r.begin(b), r.end(b));
    const std::vector<KeyRows> own =
        r.anchors[b] > 0 ? std::vector<KeyRows>{{0, r.anchors[b], 0}} : std::vector<KeyRows>{};
    for (std::size_t i = 0; i < decoder_blocks_[b].size(); ++i) {
      block_forward(context, decoder_blocks_[b][i], input, mine, rows(table, r.begin(b), r.end(b)),
                    {{0, count, 0, cache.anchors[b]}}, own, {}, cache.decoder[b][i]);
      if (trace) trace(core::str("decoder_blocks.", physics::name(branch), ".", i), mine);
    }
    const std::string head = core::str("head.", physics::name(branch));
    linear<float, Space>(context, mine, p.matrix(head + ".weight"), p.vector(head + ".bias"), out[b]);
  }
}

template class AbuptHalf<HostSpace>;
#ifdef KOKKOS_ENABLE_CUDA
template class AbuptHalf<Kokkos::Cuda>;
#endif

}  // namespace streamtube::surrogate
