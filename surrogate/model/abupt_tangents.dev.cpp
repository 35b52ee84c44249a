// Queries with the exact derivatives of their outputs in the position, and the adjoint of these: forward mode along the
// query path, whose keys and values do not move with it.

#include "surrogate/model/abupt.dev.hpp"
#include "surrogate/ops/embedding.dev.hpp"
#include "surrogate/ops/tangents.dev.hpp"

namespace streamtube::surrogate {

// All [4 N][..] stacked, but log_sum [N][heads] and mean [3 N][heads].
template <class T, class Space>
struct Abupt<T, Space>::TangentTape {
  Mat<const T, Space> x, keys, values;
  Modulation m;
  Mat<T, Space> normed, q, mixed, log_sum, mean, attended, mid, normed2, up, fed;
};

template <class T, class Space>
void Abupt<T, Space>::tangents_embed(Context<Space>& context, Branch branch, Mat<const T, Space> positions,
                                     Mat<const T, Space> features, Mat<T, Space> embedded, Mat<T, Space> up,
                                     Mat<T, Space> x) const {
  typename core::Arena<Space>::Scope scope(context.arena);
  const ParameterStore<T, Space>& p = parameters_;
  const std::string name = core::str("branch.", physics::name(branch));
  Mat<T, Space> hidden = take<T>(context, x.extent(0), x.extent(1));
  sincos_embedding<T, Space>(context, positions, frequency3_, value_rows<T, Space>(embedded));
  sincos_embedding_tangents<T, Space>(context, frequency3_, embedded);
  linear_tangents<T, Space>(context, embedded, p.matrix(name + ".up.weight"), p.vector(name + ".up.bias"), up);
  if (const Mat<const T, Space> weight = feature_weight(branch); weight.data())
    linear_tangents<T, Space>(context, features, weight, {}, up, Epilogue::accumulate);
  gelu_tangents<T, Space>(context, up, hidden);
  linear_tangents<T, Space>(context, hidden, p.matrix(name + ".down.weight"), p.vector(name + ".down.bias"), x);
}

template <class T, class Space>
void Abupt<T, Space>::tangents_forward(Context<Space>& context, const Block& block, Mat<const T, Space> x,
                                       Mat<const T, Space> table, Mat<const T, Space> keys, Mat<const T, Space> values,
                                       Mat<const T, Space> condition, TangentTape& t, Mat<T, Space> out) const {
  const std::size_t n = x.extent(0) / 4, d = x.extent(1), heads = static_cast<std::size_t>(config_.heads);
  const std::size_t attention_gate = block.perceiver ? 4 : 2, mlp_first = attention_gate + 1;
  const T epsilon = T(config_.norm_eps);
  t.x = x, t.keys = keys, t.values = values;
  t.m = modulation(context, block, condition);
  t.normed = take<T>(context, 4 * n, d), t.q = take<T>(context, 4 * n, d), t.mixed = take<T>(context, 4 * n, d);
  t.log_sum = take<T>(context, n, heads), t.mean = take<T>(context, 3 * n, heads);
  layer_norm_tangents<T, Space>(context, x, block.norm1_weight, block.norm1_bias, t.m[0], t.m[1], epsilon, t.normed);
  linear_tangents<T, Space>(context, t.normed, block.q, block.q_bias, t.q);
  rotate_tangents<T, Space>(context, t.q, table, rotary_frequency_);
  attention_tangents<T, Space>(context, config_.heads, t.q, keys, values, t.mixed, t.log_sum, t.mean);

  // y = x + gate * layer(from); what a gate multiplies is kept for its adjoint.
  const auto add_layer = [&](Mat<const T, Space> base, Mat<const T, Space> from, Mat<const T, Space> weight,
                             Vec<const T, Space> bias, std::size_t gate, Mat<T, Space>& ungated, Mat<T, Space> y) {
    if (config_.condition) {
      ungated = take<T>(context, 4 * n, d);
      linear_tangents<T, Space>(context, from, weight, bias, ungated);
      gate_columns<T, Space>(context, base, ungated, t.m[gate], y);
    } else {
      copy_rows<T, Space>(context, base, y, 0);
      linear_tangents<T, Space>(context, from, weight, bias, y, Epilogue::accumulate);
    }
  };
  t.mid = take<T>(context, 4 * n, d);
  add_layer(x, t.mixed, block.out, block.out_bias, attention_gate, t.attended, t.mid);
  t.normed2 = take<T>(context, 4 * n, d), t.up = take<T>(context, 4 * n, block.up.extent(0));
  layer_norm_tangents<T, Space>(context, t.mid, block.norm2_weight, block.norm2_bias, t.m[mlp_first],
                                t.m[mlp_first + 1], epsilon, t.normed2);
  linear_tangents<T, Space>(context, t.normed2, block.up, block.up_bias, t.up);
  if (config_.condition) t.fed = take<T>(context, 4 * n, d);
  typename core::Arena<Space>::Scope scope(context.arena);
  Mat<T, Space> hidden = take<T>(context, 4 * n, t.up.extent(1)), fed = t.fed;
  gelu_tangents<T, Space>(context, t.up, hidden);
  if (config_.condition) {
    linear_tangents<T, Space>(context, hidden, block.down, block.down_bias, fed);
    gate_columns<T, Space>(context, t.mid, fed, t.m[mlp_first + 2], out);
  } else {
    copy_rows<T, Space>(context, t.mid, out, 0);
    linear_tangents<T, Space>(context, hidden, block.down, block.down_bias, out, Epilogue::accumulate);
  }
}

template <class T, class Space>
void Abupt<T, Space>::tangents_backward(Context<Space>& context, const Block& block, const TangentTape& t,
                                        Mat<const T, Space> table, Mat<const T, Space> condition, Mat<T, Space> dx,
                                        Mat<T, Space> dkeys, Mat<T, Space> dvalues, Vec<T, Space> gradients) const {
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::size_t n = dx.extent(0), d = dx.extent(1), wide = t.up.extent(1);
  const std::size_t attention_gate = block.perceiver ? 4 : 2, mlp_first = attention_gate + 1;
  const T epsilon = T(config_.norm_eps);
  const auto g = [&](const auto& parameter) { return gradient(gradients, parameter); };
  const ModulationAdjoint dm = modulation_adjoint(context, block);
  {
    typename core::Arena<Space>::Scope inner(context.arena);
    Mat<T, Space> hidden = take<T>(context, n, wide), dhidden = take<T>(context, n, wide),
                  dnormed = take<T>(context, n, d);
    gelu_tangents<T, Space>(context, t.up, hidden);
    linear_tangents_backward<T, Space>(context, hidden, block.down,
                                       through_gate(context, dx, t.fed, t.m[mlp_first + 2], dm.of_part(mlp_first + 2)),
                                       dhidden, g(block.down), g(block.down_bias));
    gelu_tangents_backward<T, Space>(context, t.up, dhidden, dhidden);
    linear_tangents_backward<T, Space>(context, t.normed2, block.up, dhidden, dnormed, g(block.up), g(block.up_bias));
    layer_norm_tangents_backward<T, Space>(context, t.mid, block.norm2_weight, block.norm2_bias, t.m[mlp_first],
                                           epsilon, dnormed, dx, g(block.norm2_weight), g(block.norm2_bias),
                                           dm.of_part(mlp_first), dm.of_part(mlp_first + 1));
  }
  {
    typename core::Arena<Space>::Scope inner(context.arena);
    Mat<T, Space> dmixed = take<T>(context, n, d), dq = take<T>(context, n, d), dnormed = take<T>(context, n, d);
    linear_tangents_backward<T, Space>(
        context, t.mixed, block.out,
        through_gate(context, dx, t.attended, t.m[attention_gate], dm.of_part(attention_gate)), dmixed, g(block.out),
        g(block.out_bias));
    attention_tangents_backward<T, Space>(context, config_.heads, t.q, t.keys, t.values, t.mixed, t.log_sum, t.mean,
                                          dmixed, dq, dkeys, dvalues);
    rotate_tangents_backward<T, Space>(context, dq, table, rotary_frequency_);
    linear_tangents_backward<T, Space>(context, t.normed, block.q, dq, dnormed, g(block.q), g(block.q_bias));
    layer_norm_tangents_backward<T, Space>(context, t.x, block.norm1_weight, block.norm1_bias, t.m[0], epsilon, dnormed,
                                           dx, g(block.norm1_weight), g(block.norm1_bias), dm.of_part(0),
                                           dm.of_part(1));
  }
  if (config_.condition)
    linear_backward<T, Space>(context, condition, block.modulation, dm.all, {}, Adjoint::overwrite, g(block.modulation),
                              g(block.modulation_bias));
}

template <class T, class Space>
void Abupt<T, Space>::query_tangents(Context<Space>& context, const Case& input, Branch branch,
                                     Mat<const T, Space> positions, const AnchorCache<T, Space>& cache,
                                     Mat<T, Space> out, Mat<const T, Space> features) const {
  typename core::Arena<Space>::Scope scope(context.arena);
  const int b = static_cast<int>(branch);
  const std::size_t n = positions.extent(0), d = static_cast<std::size_t>(config_.hidden);
  core::expect(out.extent(0) == 4 * n, "query_tangents: rows of out");
  Mat<T, Space> x[2] = {take<T>(context, 4 * n, d), take<T>(context, 4 * n, d)},
                table = take<T>(context, n, static_cast<std::size_t>(config_.head_size()));
  rotary_table<T, Space>(context, positions, rotary_frequency_, table);
  {
    typename core::Arena<Space>::Scope inner(context.arena);
    tangents_embed(context, branch, positions, features, take<T>(context, 4 * n, d), take<T>(context, 4 * n, d), x[0]);
  }
  int now = 0;
  const auto through = [&](const Block& block, Mat<const T, Space> keys, Mat<const T, Space> values) {
    typename core::Arena<Space>::Scope inner(context.arena);
    TangentTape tape;
    tangents_forward(context, block, x[now], table, keys, values, input.condition, tape, x[1 - now]);
    now = 1 - now;
  };
  for (std::size_t i = 0; i < physics_blocks_.size(); ++i) {
    const auto& kept = cache.physics[i];
    const KeyRange range = keys_of(config_.physics_blocks[i], b, cache.supernodes, cache.anchors);
    through(physics_blocks_[i], rows(kept.keys, range.begin, range.end), rows(kept.values, range.begin, range.end));
  }
  for (std::size_t i = 0; i < decoder_blocks_[b].size(); ++i)
    through(decoder_blocks_[b][i], cache.decoder[b][i].keys, cache.decoder[b][i].values);
  const std::string head = core::str("head.", physics::name(branch));
  linear_tangents<T, Space>(context, x[now], parameters_.matrix(head + ".weight"), parameters_.vector(head + ".bias"),
                            out);
}

template <class T, class Space>
void Abupt<T, Space>::slopes_pass(Context<Space>& context, const Slopes& slopes, const std::vector<KeyAdjoints>& keys,
                                  Mat<const T, Space> condition, bool recompute, Vec<T, Space> gradients) const {
  typename core::Arena<Space>::Scope scope(context.arena);
  const ParameterStore<T, Space>& p = parameters_;
  const int b = static_cast<int>(slopes.branch);
  const std::size_t n = slopes.positions.extent(0), d = static_cast<std::size_t>(config_.hidden),
                    outputs = static_cast<std::size_t>(config_.outputs[b]);
  const auto g = [&](const auto& parameter) { return gradient(gradients, parameter); };
  std::vector<const Block*> blocks;
  for (const Block& block : physics_blocks_) blocks.push_back(&block);
  for (const Block& block : decoder_blocks_[b]) blocks.push_back(&block);
  core::expect(blocks.size() == keys.size(), "slopes_pass: keys of every block");

  Mat<T, Space> table = take<T>(context, n, static_cast<std::size_t>(config_.head_size())),
                embedded = take<T>(context, 4 * n, d), up = take<T>(context, 4 * n, d), x = take<T>(context, 4 * n, d);
  rotary_table<T, Space>(context, slopes.positions, rotary_frequency_, table);
  tangents_embed(context, slopes.branch, slopes.positions, slopes.features, embedded, up, x);
  std::vector<TangentTape> tapes(blocks.size());
  const auto forward = [&](std::size_t i, Mat<const T, Space> from, TangentTape& tape, Mat<T, Space> to) {
    tangents_forward(context, *blocks[i], from, table, keys[i].keys, keys[i].values, condition, tape, to);
  };
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    Mat<T, Space> out = take<T>(context, 4 * n, d);
    if (recompute) {
      typename core::Arena<Space>::Scope inner(context.arena);
      forward(i, x, tapes[i], out);
    } else {
      forward(i, x, tapes[i], out);
    }
    x = out;
  }
  const std::string head = core::str("head.", physics::name(slopes.branch)),
                    branch = core::str("branch.", physics::name(slopes.branch));
  const Mat<const T, Space> weight = p.matrix(head + ".weight");
  Mat<T, Space> out = take<T>(context, 4 * n, outputs), dout = take<T>(context, 4 * n, outputs),
                dx = take<T>(context, 4 * n, d);
  linear_tangents<T, Space>(context, x, weight, p.vector(head + ".bias"), out);
  slopes.loss(out, dout);

  linear_tangents_backward<T, Space>(context, x, weight, dout, dx, g(weight), g(p.vector(head + ".bias")));
  for (std::size_t i = blocks.size(); i-- > 0;) {
    typename core::Arena<Space>::Scope inner(context.arena);
    if (recompute) {
      const Mat<const T, Space> from = tapes[i].x;
      forward(i, from, tapes[i], take<T>(context, 4 * n, d));
    }
    tangents_backward(context, *blocks[i], tapes[i], table, condition, dx, keys[i].dkeys, keys[i].dvalues, gradients);
  }
  typename core::Arena<Space>::Scope inner(context.arena);
  Mat<T, Space> hidden = take<T>(context, 4 * n, d), dhidden = take<T>(context, 4 * n, d);
  const Mat<const T, Space> down_weight = p.matrix(branch + ".down.weight"),
                            up_weight = p.matrix(branch + ".up.weight");
  gelu_tangents<T, Space>(context, up, hidden);
  linear_tangents_backward<T, Space>(context, hidden, down_weight, dx, dhidden, g(down_weight),
                                     g(p.vector(branch + ".down.bias")));
  gelu_tangents_backward<T, Space>(context, up, dhidden, dhidden);
  linear_tangents_backward<T, Space>(context, embedded, up_weight, dhidden, {}, g(up_weight),
                                     g(p.vector(branch + ".up.bias")));
  if (const Mat<const T, Space> features = feature_weight(slopes.branch); features.data())
    linear_tangents_backward<T, Space>(context, slopes.features, features, dhidden, {}, g(features), {});
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                                   \
  template void Abupt<T, S>::query_tangents(Context<S>&, const Case&, Branch, Mat<const T, S>,                         \
                                            const AnchorCache<T, S>&, Mat<T, S>, Mat<const T, S>) const;               \
  template void Abupt<T, S>::slopes_pass(Context<S>&, const Slopes&, const std::vector<KeyAdjoints>&, Mat<const T, S>, \
                                         bool, Vec<T, S>) const;
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
