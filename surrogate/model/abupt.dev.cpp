#include "surrogate/model/abupt.dev.hpp"

#include <type_traits>

#include "surrogate/backends/cpu.dev.hpp"
#include "surrogate/backends/half.hpp"
#include "surrogate/ops/attention.dev.hpp"
#include "surrogate/ops/embedding.dev.hpp"
#include "surrogate/ops/layer_norm.dev.hpp"
#include "surrogate/ops/linear.dev.hpp"

namespace streamtube::surrogate {
namespace {

template <class Space>
Kokkos::View<float*, typename Space::memory_space> to_device(const std::vector<float>& values) {
  Kokkos::View<float*, typename Space::memory_space> view("streamtube::surrogate::Abupt::frequencies", values.size());
  const auto host = Kokkos::create_mirror_view(view);
  for (std::size_t i = 0; i < values.size(); ++i) host(i) = values[i];
  Kokkos::deep_copy(view, host);
  return view;
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += core::str(i ? ", " : "", shape[i]);
  return text + "]";
}

}  // namespace

template <class T, class Space>
ParameterStore<T, Space>::ParameterStore(const AbuptConfig& config, const Weights& weights, const std::string& where) {
  const auto fail = [&](const std::string& what) {
    throw core::Error(core::ErrorKind::input, core::str(where, ": ", what));
  };
  const Weights expected = expected_weights(config);
  std::size_t total = 0;
  for (const auto& [name, tensor] : expected) {
    const auto found = weights.find(name);
    if (found == weights.end()) fail(core::str("weight '", name, "' is missing"));
    if (found->second.shape != tensor.shape)
      fail(core::str("weight '", name, "' has shape ", shape_text(found->second.shape), ", this model needs ",
                     shape_text(tensor.shape)));
    Entry entry{total, tensor.shape[0], tensor.shape.size() > 1 ? tensor.shape[1] : 0};
    const std::size_t size = entry.rows * (entry.columns ? entry.columns : 1);
    if (found->second.values.size() != size)
      fail(core::str("weight '", name, "' holds ", found->second.values.size(), " values, not ", size));
    total += size;
    entries_[name] = entry;
  }
  for (const auto& [name, tensor] : weights)
    if (!expected.count(name)) fail(core::str("weight '", name, "' belongs to no part of this model"));
  block_ =
      decltype(block_)(Kokkos::view_alloc(Kokkos::WithoutInitializing, "streamtube::surrogate::ParameterStore"), total);
  const auto host = Kokkos::create_mirror_view(block_);
  for (const auto& [name, entry] : entries_) {
    const std::vector<float>& values = weights.at(name).values;
    for (std::size_t i = 0; i < values.size(); ++i) host(entry.offset + i) = static_cast<T>(values[i]);
  }
  Kokkos::deep_copy(block_, host);
}

template <class T, class Space>
Mat<const T, Space> ParameterStore<T, Space>::matrix(const std::string& name) const {
  return matrix(name, 0, entries_.at(name).rows);
}

template <class T, class Space>
Mat<const T, Space> ParameterStore<T, Space>::matrix(const std::string& name, std::size_t begin,
                                                     std::size_t end) const {
  const Entry& e = entries_.at(name);
  return {block_.data() + e.offset + begin * e.columns, end - begin, e.columns};
}

template <class T, class Space>
Vec<const T, Space> ParameterStore<T, Space>::vector(const std::string& name) const {
  return has(name) ? vector(name, 0, entries_.at(name).rows) : Vec<const T, Space>();
}

template <class T, class Space>
Vec<const T, Space> ParameterStore<T, Space>::vector(const std::string& name, std::size_t begin,
                                                     std::size_t end) const {
  return has(name) ? Vec<const T, Space>(block_.data() + entries_.at(name).offset + begin, end - begin)
                   : Vec<const T, Space>();
}

template <class T, class Space>
std::size_t AnchorCache<T, Space>::elements(const AbuptConfig& config, std::int64_t supernodes, std::int64_t surface,
                                            std::int64_t volume) {
  std::size_t rows = 0;
  for (char kind : config.physics_blocks) rows += static_cast<std::size_t>(kind == 'p' ? supernodes : surface + volume);
  rows += static_cast<std::size_t>(config.decoder_blocks[0] * surface + config.decoder_blocks[1] * volume);
  return rows * 2 * static_cast<std::size_t>(config.hidden);
}

template <class T, class Space>
void AnchorCache<T, Space>::resize(const AbuptConfig& config, std::int64_t s, std::int64_t surface, std::int64_t volume,
                                   bool allocate) {
  supernodes = s, anchors[0] = surface, anchors[1] = volume;
  const std::size_t needed = elements(config, s, surface, volume);
  if (allocate && block.extent(0) < needed) {
    block = {};
    try {
      block = decltype(block)(Kokkos::view_alloc(Kokkos::WithoutInitializing, "streamtube::surrogate::AnchorCache"),
                              needed);
    } catch (const std::exception&) {
      throw core::Error(core::ErrorKind::runtime,
                        core::str("not enough device memory for the anchors' keys and values: ",
                                  needed * sizeof(T) / 1048576, " MiB"),
                        "use fewer anchors");
    }
  }
  T* at = block.data();
  const auto take = [&](std::int64_t rows) {
    const std::size_t size = static_cast<std::size_t>(rows * config.hidden);
    KeysValues entry{
        {at, static_cast<std::size_t>(rows), static_cast<std::size_t>(config.hidden)},
        {allocate ? at + size : at, static_cast<std::size_t>(rows), static_cast<std::size_t>(config.hidden)}};
    if (allocate) at += 2 * size;
    return entry;
  };
  physics.clear();
  for (char kind : config.physics_blocks) physics.push_back(take(kind == 'p' ? s : surface + volume));
  for (int b = 0; b < 2; ++b) {
    decoder[b].clear();
    for (int i = 0; i < config.decoder_blocks[b]; ++i) decoder[b].push_back(take(anchors[b]));
  }
}

template <class T, class Space>
Abupt<T, Space>::Abupt(const AbuptConfig& config, const Weights& weights, const std::string& where)
    : config_(config), parameters_((check(config, where), config), weights, where) {
  for (int i = 0; i < config.geometry_blocks; ++i)
    geometry_blocks_.push_back(find_block(core::str("geometry_blocks.", i), false));
  for (std::size_t i = 0; i < config.physics_blocks.size(); ++i)
    physics_blocks_.push_back(find_block(core::str("physics_blocks.", i), config.physics_blocks[i] == 'p'));
  for (const Branch b : {Branch::surface, Branch::volume})
    for (int i = 0; i < config.decoder_blocks[static_cast<int>(b)]; ++i)
      decoder_blocks_[static_cast<int>(b)].push_back(
          find_block(core::str("decoder_blocks.", physics::name(b), ".", i), false));
  frequency3_ = to_device<Space>(frequencies(config.hidden, 3, config.wavelength));
  frequency4_ = to_device<Space>(frequencies(config.hidden, 4, config.wavelength));
  rotary_frequency_ = to_device<Space>(frequencies(config.head_size(), 3, config.wavelength));
}

template <class T, class Space>
typename Abupt<T, Space>::Block Abupt<T, Space>::find_block(const std::string& name, bool perceiver) const {
  const ParameterStore<T, Space>& p = parameters_;
  const std::size_t d = static_cast<std::size_t>(config_.hidden);
  Block b;
  b.perceiver = perceiver;
  const std::string norm1 = name + (perceiver ? ".norm_q" : ".norm1");
  b.norm1_weight = p.vector(norm1 + ".weight"), b.norm1_bias = p.vector(norm1 + ".bias");
  b.norm_kv_weight = p.vector(name + ".norm_kv.weight"), b.norm_kv_bias = p.vector(name + ".norm_kv.bias");
  b.norm2_weight = p.vector(name + ".norm2.weight"), b.norm2_bias = p.vector(name + ".norm2.bias");
  if (perceiver) {
    b.q = p.matrix(name + ".q.weight"), b.q_bias = p.vector(name + ".q.bias");
    b.k = p.matrix(name + ".kv.weight", 0, d), b.k_bias = p.vector(name + ".kv.bias", 0, d);
    b.v = p.matrix(name + ".kv.weight", d, 2 * d), b.v_bias = p.vector(name + ".kv.bias", d, 2 * d);
  } else {
    b.q = p.matrix(name + ".qkv.weight", 0, d), b.q_bias = p.vector(name + ".qkv.bias", 0, d);
    b.k = p.matrix(name + ".qkv.weight", d, 2 * d), b.k_bias = p.vector(name + ".qkv.bias", d, 2 * d);
    b.v = p.matrix(name + ".qkv.weight", 2 * d, 3 * d), b.v_bias = p.vector(name + ".qkv.bias", 2 * d, 3 * d);
  }
  b.out = p.matrix(name + ".out.weight"), b.out_bias = p.vector(name + ".out.bias");
  b.up = p.matrix(name + ".mlp.up.weight"), b.up_bias = p.vector(name + ".mlp.up.bias");
  b.down = p.matrix(name + ".mlp.down.weight"), b.down_bias = p.vector(name + ".mlp.down.bias");
  if (config_.condition)
    b.modulation = p.matrix(name + ".modulation.weight"), b.modulation_bias = p.vector(name + ".modulation.bias");
  return b;
}

template <class T, class Space>
typename Abupt<T, Space>::KeyRange Abupt<T, Space>::keys_of(char kind, int b, std::int64_t supernodes,
                                                            const std::int64_t (&anchors)[2]) {
  if (kind == 'p') return {0, supernodes};
  const std::int64_t edge = anchors[0], all = anchors[0] + anchors[1];
  if (kind == 'j') return {0, all};
  return (kind == 'c') == (b == 1) ? KeyRange{0, edge} : KeyRange{edge, all};
}

template <class T, class Space>
typename Abupt<T, Space>::Modulation Abupt<T, Space>::modulation(Context<Space>& context, const Block& block,
                                                                 Mat<const T, Space> condition) const {
  const std::size_t parts = block.perceiver ? 8 : 6, d = static_cast<std::size_t>(config_.hidden);
  if (!config_.condition) return Modulation(parts);
  Mat<T, Space> all = take<T>(context, 1, parts * d);
  linear<T, Space>(context, condition, block.modulation, block.modulation_bias, all);
  Modulation m;
  for (std::size_t i = 0; i < parts; ++i) m.push_back(Vec<const T, Space>(all.data() + i * d, d));
  return m;
}

template <class T, class Space>
void Abupt<T, Space>::supernode_table(Context<Space>& context, const Case& input, Mat<T, Space> table) const {
  typename core::Arena<Space>::Scope scope(context.arena);
  Mat<T, Space> position = take<T>(context, input.supernodes.extent(0), 3);
  gather_positions<T, Space>(context, input.points, input.supernodes, position);
  rotary_table<T, Space>(context, position, rotary_frequency_, table);
}

// x += gate * down(gelu(up(norm2(x)))); m[first..] = scale, shift, gate
template <class T, class Space>
void Abupt<T, Space>::mlp(Context<Space>& context, const Block& block, Mat<T, Space> x, const Modulation& m,
                          std::size_t first, Mat<T, Space> kept_normed, Mat<T, Space> kept_up) const {
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>) {
    const cpu::MlpDesc fused{x.data(),
                             static_cast<std::int64_t>(x.extent(0)),
                             config_.hidden,
                             static_cast<std::int64_t>(config_.hidden) * config_.mlp_ratio,
                             block.norm2_weight.data(),
                             block.norm2_bias.data(),
                             m[first].data(),
                             m[first + 1].data(),
                             config_.norm_eps,
                             block.up.data(),
                             block.up_bias.data(),
                             block.down.data(),
                             block.down_bias.data(),
                             m[first + 2].data(),
                             kept_normed.data(),
                             kept_up.data()};
    if (cpu::mlp(context, fused)) return;
  }
  typename core::Arena<Space>::Scope scope(context.arena);
  const Mat<T, Space> normed = kept_normed.data() ? kept_normed : take<T>(context, x.extent(0), x.extent(1));
  layer_norm<T, Space>(context, x, block.norm2_weight, block.norm2_bias, m[first], m[first + 1], T(config_.norm_eps),
                       normed);
  Mat<T, Space> hidden = take<T>(context, x.extent(0), x.extent(1) * static_cast<std::size_t>(config_.mlp_ratio));
  if (kept_up.data()) {
    linear<T, Space>(context, normed, block.up, block.up_bias, kept_up);
    gelu_forward<T, Space>(context, kept_up, hidden);
  } else {
    linear<T, Space>(context, normed, block.up, block.up_bias, hidden, Epilogue::gelu);
  }
  linear<T, Space>(context, hidden, block.down, block.down_bias, x, Epilogue::accumulate, m[first + 2]);
}

template <class T, class Space>
void Abupt<T, Space>::project(Context<Space>& context, const Block& block, Mat<const T, Space> x, const Modulation& m,
                              Mat<const T, Space> table, Mat<T, Space> q, const std::vector<KeyRows>& key_rows,
                              typename AnchorCache<T, Space>::KeysValues cache, Mat<T, Space> kept_normed) const {
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>) {
    // Rows that are keys are projected three ways, those between them only to queries.
    std::vector<cpu::ProjectionDesc::Range> ranges;
    std::int64_t done = 0;
    const auto queries_until = [&](std::int64_t end) {
      if (end > done) ranges.push_back({done, end, 1, {&q(done, 0), nullptr, nullptr}});
    };
    for (const KeyRows& r : key_rows) {
      queries_until(r.begin);
      ranges.push_back(
          {r.begin, r.end, 3, {&q(r.begin, 0), &cache.keys(r.cache_begin, 0), &cache.values(r.cache_begin, 0)}});
      done = r.end;
    }
    queries_until(static_cast<std::int64_t>(x.extent(0)));
    const cpu::ProjectionDesc description{x.data(),
                                          config_.hidden,
                                          block.norm1_weight.data(),
                                          block.norm1_bias.data(),
                                          m[0].data(),
                                          m[1].data(),
                                          config_.norm_eps,
                                          block.q.data(),  // keys and values follow in the same tensor
                                          block.q_bias.data(),
                                          {true, true, false},
                                          table.data(),
                                          config_.head_size(),
                                          ranges.data(),
                                          static_cast<int>(ranges.size()),
                                          kept_normed.data()};
    if (cpu::project(context, description)) return;
  }
  typename core::Arena<Space>::Scope scope(context.arena);
  const Mat<T, Space> normed = kept_normed.data() ? kept_normed : take<T>(context, x.extent(0), x.extent(1));
  layer_norm<T, Space>(context, x, block.norm1_weight, block.norm1_bias, m[0], m[1], T(config_.norm_eps), normed);
  linear<T, Space>(context, normed, block.q, block.q_bias, q);
  rotate<T, Space>(context, q, table);
  for (const KeyRows& r : key_rows) {
    const Mat<T, Space> from = rows(normed, r.begin, r.end);
    const Mat<T, Space> keys = rows(cache.keys, r.cache_begin, r.cache_begin + r.end - r.begin);
    linear<T, Space>(context, from, block.k, block.k_bias, keys);
    rotate<T, Space>(context, keys, rows(table, r.begin, r.end));
    linear<T, Space>(context, from, block.v, block.v_bias,
                     rows(cache.values, r.cache_begin, r.cache_begin + r.end - r.begin));
  }
}

template <class T, class Space>
void Abupt<T, Space>::attend(Context<Space>& context, const Block& block, Mat<T, Space> x, Mat<const T, Space> table,
                             const std::vector<Segment>& segments, const std::vector<KeyRows>& key_rows,
                             typename AnchorCache<T, Space>::KeysValues cache, Mat<const T, Space> condition) const {
  typename core::Arena<Space>::Scope scope(context.arena);
  const Modulation m = modulation(context, block, condition);
  {
    typename core::Arena<Space>::Scope inner(context.arena);
    Mat<T, Space> mixed = take<T>(context, x.extent(0), x.extent(1)), q = take<T>(context, x.extent(0), x.extent(1));
    project(context, block, x, m, table, q, key_rows, cache);
    attention<T, Space>(context, config_.heads, q, cache.keys, cache.values, segments, mixed);
    linear<T, Space>(context, mixed, block.out, block.out_bias, x, Epilogue::accumulate, m[2]);
  }
  mlp(context, block, x, m, 3);
}

template <class T, class Space>
void Abupt<T, Space>::attend_to_geometry(Context<Space>& context, const Block& block, Mat<T, Space> x,
                                         Mat<const T, Space> table, const Case& input, Mat<const T, Space> geometry,
                                         typename AnchorCache<T, Space>::KeysValues cache) const {
  typename core::Arena<Space>::Scope scope(context.arena);
  const Modulation m = modulation(context, block, input.condition);
  if (geometry.extent(0) > 0) {
    typename core::Arena<Space>::Scope inner(context.arena);
    Mat<T, Space> normed = take<T>(context, geometry.extent(0), geometry.extent(1));
    Mat<T, Space> geometry_table = take<T>(context, geometry.extent(0), static_cast<std::size_t>(config_.head_size()));
    supernode_table(context, input, geometry_table);
    layer_norm<T, Space>(context, geometry, block.norm_kv_weight, block.norm_kv_bias, m[2], m[3], T(config_.norm_eps),
                         normed);
    linear<T, Space>(context, normed, block.k, block.k_bias, cache.keys);
    rotate<T, Space>(context, cache.keys, geometry_table);
    linear<T, Space>(context, normed, block.v, block.v_bias, cache.values);
  }
  {
    typename core::Arena<Space>::Scope inner(context.arena);
    Mat<T, Space> mixed = take<T>(context, x.extent(0), x.extent(1)), q = take<T>(context, x.extent(0), x.extent(1));
    project(context, block, x, m, table, q, {}, cache);
    const std::vector<Segment> everything = {
        {0, static_cast<std::int64_t>(x.extent(0)), 0, static_cast<std::int64_t>(cache.keys.extent(0))}};
    attention<T, Space>(context, config_.heads, q, cache.keys, cache.values, everything, mixed);
    linear<T, Space>(context, mixed, block.out, block.out_bias, x, Epilogue::accumulate, m[4]);
  }
  mlp(context, block, x, m, 5);
}

template <class T, class Space>
PoolingParameters<T, Space> Abupt<T, Space>::pooling_parameters() const {
  const ParameterStore<T, Space>& p = parameters_;
  return {p.matrix("pooling.message.0.weight"),
          p.matrix("pooling.message.2.weight"),
          p.matrix("pooling.merge.weight"),
          config_.point_features() ? p.matrix("pooling.message_features.weight") : Mat<const T, Space>(),
          config_.point_features() ? p.matrix("pooling.own_features.weight") : Mat<const T, Space>(),
          p.vector("pooling.message.0.bias"),
          p.vector("pooling.message.2.bias"),
          p.vector("pooling.merge.bias"),
          frequency3_,
          frequency4_};
}

template <class T, class Space>
Mat<T, Space> Abupt<T, Space>::gradient(Vec<T, Space> gradients, Mat<const T, Space> parameter) const {
  if (!parameter.data() || !gradients.data()) return {};
  return {gradients.data() + (parameter.data() - parameters_.data()), parameter.extent(0), parameter.extent(1)};
}

template <class T, class Space>
Vec<T, Space> Abupt<T, Space>::gradient(Vec<T, Space> gradients, Vec<const T, Space> parameter) const {
  if (!parameter.data() || !gradients.data()) return {};
  return {gradients.data() + (parameter.data() - parameters_.data()), parameter.extent(0)};
}

template <class T, class Space>
void Abupt<T, Space>::pool(Context<Space>& context, const Case& input, Mat<T, Space> tokens,
                           const TraceFunction& trace) const {
  supernode_pooling<T, Space>(context, config_.message, pooling_parameters(), input.points, input.supernodes,
                              input.neighbors, config_.max_degree, tokens, {}, input.point_features);
  if (trace) trace("pooling", tokens);
}

template <class T, class Space>
Mat<const T, Space> Abupt<T, Space>::feature_weight(Branch branch) const {
  if (!config_.features(static_cast<int>(branch))) return {};
  return parameters_.matrix(core::str("branch.", physics::name(branch), ".features.weight"));
}

template <class T, class Space>
void Abupt<T, Space>::embed(Context<Space>& context, Branch branch, Mat<const T, Space> positions,
                            Mat<const T, Space> features, Mat<T, Space> tokens) const {
  if (tokens.extent(0) == 0) return;  // queries of the other branch
  const ParameterStore<T, Space>& p = parameters_;
  const std::string name = core::str("branch.", physics::name(branch));
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::size_t d = static_cast<std::size_t>(config_.hidden);
  Mat<T, Space> embedded = take<T>(context, tokens.extent(0), d), hidden = take<T>(context, tokens.extent(0), d);
  sincos_embedding<T, Space>(context, positions, frequency3_, embedded);
  const Mat<const T, Space> of_features = feature_weight(branch);
  linear<T, Space>(context, embedded, p.matrix(name + ".up.weight"), p.vector(name + ".up.bias"), hidden,
                   of_features.data() ? Epilogue::store : Epilogue::gelu);
  if (of_features.data()) {
    linear<T, Space>(context, features, of_features, {}, hidden, Epilogue::accumulate);
    gelu_forward<T, Space>(context, hidden, hidden);
  }
  linear<T, Space>(context, hidden, p.matrix(name + ".down.weight"), p.vector(name + ".down.bias"), tokens);
}

template <class T, class Space>
void Abupt<T, Space>::encode_geometry(Context<Space>& context, const Case& input, Mat<T, Space> tokens,
                                      const TraceFunction& trace) const {
  pool(context, input, tokens, trace);
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::int64_t count = static_cast<std::int64_t>(tokens.extent(0));
  Mat<T, Space> table = take<T>(context, count, static_cast<std::size_t>(config_.head_size()));
  supernode_table(context, input, table);
  Mat<T, Space> keys = take<T>(context, count, tokens.extent(1)), values = take<T>(context, count, tokens.extent(1));
  for (std::size_t i = 0; i < geometry_blocks_.size(); ++i) {
    attend(context, geometry_blocks_[i], tokens, table, {{0, count, 0, count}}, {{0, count, 0}}, {keys, values},
           input.condition);
    if (trace) trace(core::str("geometry_blocks.", i), tokens);
  }
}

template <class T, class Space>
void Abupt<T, Space>::forward(Context<Space>& context, const Case& input, Mat<const T, Space> geometry,
                              Mat<const T, Space> positions, const Rows& r, AnchorCache<T, Space>& cache,
                              Mat<T, Space> out[2], const TraceFunction& trace, const Features& features) const {
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::size_t d = static_cast<std::size_t>(config_.hidden);
  const ParameterStore<T, Space>& p = parameters_;
  Mat<T, Space> x = take<T>(context, r.total(), d);
  Mat<T, Space> table = take<T>(context, r.total(), static_cast<std::size_t>(config_.head_size()));
  rotary_table<T, Space>(context, positions, rotary_frequency_, table);
  for (const Branch branch : {Branch::surface, Branch::volume}) {
    const int b = static_cast<int>(branch);
    embed(context, branch, rows(positions, r.begin(b), r.end(b)), features.of[b], rows(x, r.begin(b), r.end(b)));
  }

  // Keys in the cache: surface anchors, then volume anchors.
  std::vector<KeyRows> key_rows;
  for (int b = 0; b < 2; ++b)
    if (r.anchors[b] > 0) key_rows.push_back({r.begin(b), r.begin(b) + r.anchors[b], b == 0 ? 0 : cache.anchors[0]});
  for (std::size_t i = 0; i < physics_blocks_.size(); ++i) {
    const char kind = config_.physics_blocks[i];
    if (kind == 'p') {
      attend_to_geometry(context, physics_blocks_[i], x, table, input, geometry, cache.physics[i]);
    } else {
      std::vector<Segment> segments;
      for (int b = 0; b < 2; ++b) {
        const KeyRange keys = keys_of(kind, b, cache.supernodes, cache.anchors);
        segments.push_back({r.begin(b), r.end(b), keys.begin, keys.end});
      }
      attend(context, physics_blocks_[i], x, table, segments, key_rows, cache.physics[i], input.condition);
    }
    if (trace) trace(core::str("physics_blocks.", i), x);
  }

  for (const Branch branch : {Branch::surface, Branch::volume}) {
    const int b = static_cast<int>(branch);
    const std::int64_t count = r.end(b) - r.begin(b);
    if (count == 0) continue;
    const Mat<T, Space> mine = rows(x, r.begin(b), r.end(b));
    const std::vector<KeyRows> own =
        r.anchors[b] > 0 ? std::vector<KeyRows>{{0, r.anchors[b], 0}} : std::vector<KeyRows>{};
    for (std::size_t i = 0; i < decoder_blocks_[b].size(); ++i) {
      attend(context, decoder_blocks_[b][i], mine, rows(table, r.begin(b), r.end(b)), {{0, count, 0, cache.anchors[b]}},
             own, cache.decoder[b][i], input.condition);
      if (trace) trace(core::str("decoder_blocks.", physics::name(branch), ".", i), mine);
    }
    const std::string head = core::str("head.", physics::name(branch));
    linear<T, Space>(context, mine, p.matrix(head + ".weight"), p.vector(head + ".bias"), out[b]);
  }
}

#define STREAMTUBE_INSTANTIATE(T, S)   \
  template class ParameterStore<T, S>; \
  template struct AnchorCache<T, S>;   \
  template class Abupt<T, S>;
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE
template struct AnchorCache<Bf16, HostSpace>;
#ifdef KOKKOS_ENABLE_CUDA
template struct AnchorCache<Bf16, Kokkos::Cuda>;
#endif

}  // namespace streamtube::surrogate
