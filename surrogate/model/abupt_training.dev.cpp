// Training of AB-UPT: the forward pass with everything kept, and its adjoint, block by block in reverse.

#include <type_traits>

#include "surrogate/backends/cpu.dev.hpp"
#include "surrogate/model/abupt.dev.hpp"
#include "surrogate/ops/attention.dev.hpp"
#include "surrogate/ops/embedding.dev.hpp"
#include "surrogate/ops/layer_norm.dev.hpp"
#include "surrogate/ops/linear.dev.hpp"

namespace streamtube::surrogate {
template <class T, class Space>
struct Abupt<T, Space>::Tape {
  Mat<const T, Space> x;
  Modulation m;
  // normed: of x; normed_keys: of the key rows; mid: after the attention; attended: what its gate multiplies.
  Mat<T, Space> normed, normed_keys, q, k, v, mixed, log_sum, attended, mid, normed2, up;
};

// Keys are the first `count` rows of the tokens themselves, or of perceiver blocks the supernodes' tokens.
template <class T, class Space>
struct Abupt<T, Space>::BlockKeys {
  std::int64_t count = 0;
  Mat<const T, Space> supernodes, table;
  Mat<T, Space> dangles;  // adjoint of the table's angles, added to; empty: not wanted
  // Adjoints of the rotated keys and the values from queries that are no tokens here; empty: none.
  Mat<T, Space> dkeys, dvalues;
};

template <class T, class Space>
void Abupt<T, Space>::project_keys(Context<Space>& context, const Block& block, Mat<const T, Space> normed,
                                   Mat<const T, Space> table, Mat<T, Space> keys, Mat<T, Space> values) const {
  linear<T, Space>(context, normed, block.k, block.k_bias, keys);
  linear<T, Space>(context, normed, block.v, block.v_bias, values);
  rotate<T, Space>(context, keys, table);
}

template <class T, class Space>
void Abupt<T, Space>::block_forward(Context<Space>& context, const Block& block, Mat<const T, Space> x,
                                    Mat<const T, Space> table, const BlockKeys& keys,
                                    const std::vector<Segment>& segments, Mat<const T, Space> condition, Tape& t,
                                    Mat<T, Space> out) const {
  const std::size_t n = x.extent(0), d = x.extent(1), count = static_cast<std::size_t>(keys.count);
  const std::size_t attention_gate = block.perceiver ? 4 : 2;
  t.x = x;
  t.m = modulation(context, block, condition);
  t.normed = take<T>(context, n, d);
  t.q = take<T>(context, n, d), t.k = take<T>(context, count, d), t.v = take<T>(context, count, d);
  if (block.perceiver) {
    project(context, block, x, t.m, table, t.q, {}, {}, t.normed);
    t.normed_keys = take<T>(context, count, d);
    layer_norm<T, Space>(context, keys.supernodes, block.norm_kv_weight, block.norm_kv_bias, t.m[2], t.m[3],
                         T(config_.norm_eps), t.normed_keys);
    project_keys(context, block, t.normed_keys, keys.table, t.k, t.v);
  } else {
    project(context, block, x, t.m, table, t.q, {{0, keys.count, 0}}, {t.k, t.v}, t.normed);
    t.normed_keys = rows(t.normed, 0, count);
  }
  t.mixed = take<T>(context, n, d), t.log_sum = take<T>(context, n, static_cast<std::size_t>(config_.heads));
  attention<T, Space>(context, config_.heads, t.q, t.k, t.v, segments, t.mixed, t.log_sum);

  // x + gate * layer(mixed); without a gate the layer adds to a copy of x.
  t.mid = take<T>(context, n, d);
  if (config_.condition) {
    t.attended = take<T>(context, n, d);
    linear<T, Space>(context, t.mixed, block.out, block.out_bias, t.attended);
    gate_columns<T, Space>(context, x, t.attended, t.m[attention_gate], t.mid);
  } else {
    copy_rows<T, Space>(context, x, t.mid, 0);
    linear<T, Space>(context, t.mixed, block.out, block.out_bias, t.mid, Epilogue::accumulate);
  }
  t.normed2 = take<T>(context, n, d);
  t.up = take<T>(context, n, d * static_cast<std::size_t>(config_.mlp_ratio));
  copy_rows<T, Space>(context, t.mid, out, 0);
  mlp(context, block, out, t.m, attention_gate + 1, t.normed2, t.up);
}

// dnormed = adjoint of the MLP's normed rows, from that of its output; for the weights' gradients also the hidden layer
// after GELU, made anew, and the adjoint of what it was before.
template <class T, class Space>
void Abupt<T, Space>::mlp_backward(Context<Space>& context, const Block& block, Mat<const T, Space> up,
                                   Mat<const T, Space> dy, Mat<T, Space> hidden, Mat<T, Space> dup,
                                   Mat<T, Space> dnormed) const {
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Space, HostSpace>) {
    const cpu::MlpBackwardDesc fused{dy.data(),
                                     up.data(),
                                     static_cast<std::int64_t>(dy.extent(0)),
                                     static_cast<std::int64_t>(dy.extent(1)),
                                     static_cast<std::int64_t>(up.extent(1)),
                                     block.up.data(),
                                     block.down.data(),
                                     hidden.data(),
                                     dup.data(),
                                     dnormed.data()};
    if (cpu::mlp_backward(context, fused)) return;
  }
  linear_backward<T, Space>(context, hidden, block.down, dy, dup, Adjoint::overwrite, {}, {});
  gelu_backward<T, Space>(context, up, dup, dup, hidden);
  linear_backward<T, Space>(context, dnormed, block.up, dup, dnormed, Adjoint::overwrite, {}, {});
}

template <class T, class Space>
typename Abupt<T, Space>::ModulationAdjoint Abupt<T, Space>::modulation_adjoint(Context<Space>& context,
                                                                                const Block& block) const {
  ModulationAdjoint m{{}, static_cast<std::size_t>(config_.hidden)};
  if (!config_.condition) return m;
  m.all = take<T>(context, 1, (block.perceiver ? 8 : 6) * m.hidden);
  fill_zero<T, Space>(context, m.all);
  return m;
}

template <class T, class Space>
Mat<T, Space> Abupt<T, Space>::through_gate(Context<Space>& context, Mat<T, Space> dy, Mat<const T, Space> ungated,
                                            Vec<const T, Space> gate, Vec<T, Space> to) const {
  if (!config_.condition) return dy;
  Mat<T, Space> before = take<T>(context, dy.extent(0), dy.extent(1));
  add_column_sums<T, Space>(context, dy, ungated, to);
  gate_columns<T, Space>(context, {}, dy, gate, before);
  return before;
}

template <class T, class Space>
void Abupt<T, Space>::block_backward(Context<Space>& context, const Block& block, const Tape& t,
                                     Mat<const T, Space> table, const BlockKeys& keys,
                                     const std::vector<Segment>& segments, Mat<const T, Space> condition,
                                     Mat<T, Space> dx, Mat<T, Space> dsupernodes, Mat<T, Space> dangles,
                                     Vec<T, Space> gradients) const {
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::size_t n = dx.extent(0), d = dx.extent(1), count = static_cast<std::size_t>(keys.count);
  const std::size_t attention_gate = block.perceiver ? 4 : 2, mlp_first = attention_gate + 1;
  const T epsilon = T(config_.norm_eps);
  const auto g = [&](const auto& parameter) { return gradient(gradients, parameter); };
  const ModulationAdjoint dm = modulation_adjoint(context, block);

  {
    typename core::Arena<Space>::Scope inner(context.arena);
    Mat<T, Space> hidden = take<T>(context, n, t.up.extent(1)), dhidden = take<T>(context, n, t.up.extent(1)),
                  dnormed = take<T>(context, n, d), fed;
    if (config_.condition) {
      fed = take<T>(context, n, d);
      gelu_forward<T, Space>(context, t.up, hidden);
      linear<T, Space>(context, hidden, block.down, block.down_bias, fed);
    }
    const Mat<T, Space> dfed = through_gate(context, dx, fed, t.m[mlp_first + 2], dm.of_part(mlp_first + 2));
    mlp_backward(context, block, t.up, dfed, hidden, dhidden, dnormed);
    linear_backward<T, Space>(context,
                              {{hidden, block.down, dfed, {}, Adjoint::overwrite, g(block.down), g(block.down_bias)},
                               {t.normed2, block.up, dhidden, {}, Adjoint::overwrite, g(block.up), g(block.up_bias)}});
    layer_norm_backward<T, Space>(context, t.mid, block.norm2_weight, block.norm2_bias, t.m[mlp_first], epsilon,
                                  dnormed, dx, Adjoint::add, g(block.norm2_weight), g(block.norm2_bias),
                                  dm.of_part(mlp_first), dm.of_part(mlp_first + 1));
  }
  {
    typename core::Arena<Space>::Scope inner(context.arena);
    Mat<T, Space> dmixed = take<T>(context, n, d), dq = take<T>(context, n, d), dk = take<T>(context, count, d),
                  dv = take<T>(context, count, d), dnormed = take<T>(context, n, d);
    const Mat<T, Space> dattended =
        through_gate(context, dx, t.attended, t.m[attention_gate], dm.of_part(attention_gate));
    linear_backward<T, Space>(context, t.mixed, block.out, dattended, dmixed, Adjoint::overwrite, g(block.out),
                              g(block.out_bias));
    attention_backward<T, Space>(context, config_.heads, t.q, t.k, t.v, t.mixed, t.log_sum, dmixed, segments, dq, dk,
                                 dv);
    if (keys.dkeys.data()) {
      add_rows<T, Space>(context, keys.dkeys, dk);
      add_rows<T, Space>(context, keys.dvalues, dv);
    }
    if (dangles.data()) rotate_backward_angles<T, Space>(context, t.q, dq, dangles);
    if (keys.dangles.data()) rotate_backward_angles<T, Space>(context, t.k, dk, keys.dangles);
    rotate_backward<T, Space>(context, dq, table);
    rotate_backward<T, Space>(context, dk, keys.table);
    const Mat<T, Space> dnormed_keys = block.perceiver ? take<T>(context, count, d) : rows(dnormed, 0, count);
    linear_backward<T, Space>(
        context, {{t.normed, block.q, dq, dnormed, Adjoint::overwrite, g(block.q), g(block.q_bias)},
                  {t.normed_keys, block.k, dk, dnormed_keys, block.perceiver ? Adjoint::overwrite : Adjoint::add,
                   g(block.k), g(block.k_bias)},
                  {t.normed_keys, block.v, dv, dnormed_keys, Adjoint::add, g(block.v), g(block.v_bias)}});
    if (block.perceiver)
      layer_norm_backward<T, Space>(context, keys.supernodes, block.norm_kv_weight, block.norm_kv_bias, t.m[2], epsilon,
                                    dnormed_keys, dsupernodes, Adjoint::add, g(block.norm_kv_weight),
                                    g(block.norm_kv_bias), dm.of_part(2), dm.of_part(3));
    layer_norm_backward<T, Space>(context, t.x, block.norm1_weight, block.norm1_bias, t.m[0], epsilon, dnormed, dx,
                                  Adjoint::add, g(block.norm1_weight), g(block.norm1_bias), dm.of_part(0),
                                  dm.of_part(1));
  }
  if (config_.condition)
    linear_backward<T, Space>(context, condition, block.modulation, dm.all, {}, Adjoint::overwrite, g(block.modulation),
                              g(block.modulation_bias));
}

// Inside, rows are surface anchors, volume anchors, surface queries, volume queries: all keys of the physics blocks
// come first. Decoders work on the rows of one branch, anchors first.
template <class T, class Space>
void Abupt<T, Space>::training_pass(Context<Space>& context, const Case& input,
                                    const Mat<const T, Space> (&positions)[2], const Rows& r, bool recompute,
                                    const LossFunction& loss, Vec<T, Space> gradients, const PositionAdjoints& wanted,
                                    const Slopes& slopes, const Features& features) const {
  typename core::Arena<Space>::Scope scope(context.arena);
  const std::size_t d = static_cast<std::size_t>(config_.hidden), head = static_cast<std::size_t>(config_.head_size());
  const ParameterStore<T, Space>& p = parameters_;
  const std::int64_t supernodes = static_cast<std::int64_t>(input.supernodes.extent(0));
  const auto g = [&](const auto& parameter) { return gradient(gradients, parameter); };

  // One block of the pass: what its forward and its backward need.
  struct Step {
    const Block* block;
    Mat<const T, Space> x, table;
    Mat<T, Space> dangles;
    BlockKeys keys;
    std::vector<Segment> segments;
    Tape tape;
  };
  const auto forward_step = [&](Step& step) {
    Mat<T, Space> out = take<T>(context, step.x.extent(0), d);
    if (recompute) {
      typename core::Arena<Space>::Scope inner(context.arena);
      Tape tape;
      block_forward(context, *step.block, step.x, step.table, step.keys, step.segments, input.condition, tape, out);
    } else {
      block_forward(context, *step.block, step.x, step.table, step.keys, step.segments, input.condition, step.tape,
                    out);
    }
    return out;
  };
  const auto backward_step = [&](Step& step, Mat<T, Space> dx, Mat<T, Space> dsupernodes) {
    typename core::Arena<Space>::Scope inner(context.arena);
    if (recompute) {
      Mat<T, Space> out = take<T>(context, step.x.extent(0), d);
      block_forward(context, *step.block, step.x, step.table, step.keys, step.segments, input.condition, step.tape,
                    out);
    }
    block_backward(context, *step.block, step.tape, step.table, step.keys, step.segments, input.condition, dx,
                   dsupernodes, step.dangles, gradients);
  };
  // Adjoints of the angles of a rotary table with so many rows, if wanted.
  const auto take_dangles = [&](std::int64_t count, bool want) {
    if (!want) return Mat<T, Space>();
    Mat<T, Space> dangles = take<T>(context, count, head / 2);
    fill_zero<T, Space>(context, dangles);
    return dangles;
  };

  // Geometry encoder.
  Mat<T, Space> geometry = take<T>(context, supernodes, d), geometry_table = take<T>(context, supernodes, head);
  const Mat<T, Space> dpoints = wanted.points.dpoints, geometry_dangles = take_dangles(supernodes, dpoints.data());
  supernode_table(context, input, geometry_table);
  const PoolingTape<T, Space> pooling_tape =
      recompute
          ? PoolingTape<T, Space>()
          : take_pooling_tape<T, Space>(context, input.neighbors, input.supernodes.extent(0), config_.max_degree, d);
  supernode_pooling<T, Space>(context, config_.message, pooling_parameters(), input.points, input.supernodes,
                              input.neighbors, config_.max_degree, geometry, pooling_tape, input.point_features);
  std::vector<Step> geometry_steps;
  for (const Block& block : geometry_blocks_) {
    Step step{&block,
              geometry,
              geometry_table,
              geometry_dangles,
              {supernodes, {}, geometry_table, geometry_dangles, {}, {}},
              {{0, supernodes, 0, supernodes}},
              {}};
    geometry = forward_step(step);
    geometry_steps.push_back(step);
  }

  // Embedding of the positions, and tables of their rotations; `at`: where a branch's anchors and queries go.
  const std::int64_t anchors = r.anchors[0] + r.anchors[1], total = r.total();
  const std::int64_t anchor_at[2] = {0, r.anchors[0]}, query_at[2] = {anchors, anchors + r.queries[0]};
  Mat<T, Space> x = take<T>(context, total, d), table = take<T>(context, total, head), branch_table[2], embedded[2],
                branch_up[2], branch_dangles[2];
  const Mat<T, Space> dangles = take_dangles(total, wanted.positions[0].data() || wanted.positions[1].data());
  const auto scatter = [&](int b, Mat<const T, Space> from, Mat<T, Space> to) {
    copy_rows<T, Space>(context, rows(from, 0, r.anchors[b]), to, anchor_at[b]);
    copy_rows<T, Space>(context, rows(from, r.anchors[b], from.extent(0)), to, query_at[b]);
  };
  const auto gather = [&](int b, Mat<const T, Space> from, Mat<T, Space> to) {
    copy_rows<T, Space>(context, rows(from, anchor_at[b], anchor_at[b] + r.anchors[b]), to, 0);
    copy_rows<T, Space>(context, rows(from, query_at[b], query_at[b] + r.queries[b]), to, r.anchors[b]);
  };
  std::string branch_name[2], head_name[2];
  for (const Branch branch : {Branch::surface, Branch::volume}) {
    const int b = static_cast<int>(branch);
    branch_name[b] = core::str("branch.", physics::name(branch)),
    head_name[b] = core::str("head.", physics::name(branch));
    const std::size_t count = positions[b].extent(0);
    core::expect(static_cast<std::int64_t>(count) == r.anchors[b] + r.queries[b], "training_pass: rows of positions");
    branch_table[b] = take<T>(context, count, head);
    rotary_table<T, Space>(context, positions[b], rotary_frequency_, branch_table[b]);
    scatter(b, branch_table[b], table);
    branch_dangles[b] = take_dangles(r.anchors[b] + r.queries[b], wanted.positions[b].data());
    embedded[b] = take<T>(context, count, d), branch_up[b] = take<T>(context, count, d);
    sincos_embedding<T, Space>(context, positions[b], frequency3_, embedded[b]);
    linear<T, Space>(context, embedded[b], p.matrix(branch_name[b] + ".up.weight"),
                     p.vector(branch_name[b] + ".up.bias"), branch_up[b]);
    if (const Mat<const T, Space> weight = feature_weight(branch); weight.data())
      linear<T, Space>(context, features.of[b], weight, {}, branch_up[b], Epilogue::accumulate);
    typename core::Arena<Space>::Scope inner(context.arena);
    Mat<T, Space> hidden = take<T>(context, count, d), token = take<T>(context, count, d);
    gelu_forward<T, Space>(context, branch_up[b], hidden);
    linear<T, Space>(context, hidden, p.matrix(branch_name[b] + ".down.weight"),
                     p.vector(branch_name[b] + ".down.bias"), token);
    scatter(b, token, x);
  }

  std::vector<Step> physics_steps;
  for (std::size_t i = 0; i < physics_blocks_.size(); ++i) {
    const char kind = config_.physics_blocks[i];
    Step step{&physics_blocks_[i],
              x,
              table,
              dangles,
              {anchors, {}, rows(table, 0, anchors), rows(dangles, 0, anchors), {}, {}},
              {},
              {}};
    if (kind == 'p') {
      step.keys = {supernodes, geometry, geometry_table, geometry_dangles, {}, {}};
      step.segments = {{0, total, 0, supernodes}};
    } else {
      for (int b = 0; b < 2; ++b) {
        const KeyRange keys = keys_of(kind, b, supernodes, r.anchors);
        step.segments.push_back({anchor_at[b], anchor_at[b] + r.anchors[b], keys.begin, keys.end});
        step.segments.push_back({query_at[b], query_at[b] + r.queries[b], keys.begin, keys.end});
      }
    }
    x = forward_step(step);
    physics_steps.push_back(step);
  }

  std::vector<Step> decoder_steps[2];
  Mat<T, Space> y[2], out[2], dout[2];
  for (int b = 0; b < 2; ++b) {
    const std::int64_t count = r.anchors[b] + r.queries[b];
    y[b] = take<T>(context, count, d);
    gather(b, x, y[b]);
    for (const Block& block : decoder_blocks_[b]) {
      Step step{
          &block,
          y[b],
          branch_table[b],
          branch_dangles[b],
          {r.anchors[b], {}, rows(branch_table[b], 0, r.anchors[b]), rows(branch_dangles[b], 0, r.anchors[b]), {}, {}},
          {{0, count, 0, r.anchors[b]}},
          {}};
      y[b] = forward_step(step);
      decoder_steps[b].push_back(step);
    }
    const std::size_t outputs = static_cast<std::size_t>(config_.outputs[b]);
    out[b] = take<T>(context, count, outputs), dout[b] = take<T>(context, count, outputs);
    linear<T, Space>(context, y[b], p.matrix(head_name[b] + ".weight"), p.vector(head_name[b] + ".bias"), out[b]);
  }

  const Mat<const T, Space> results[2] = {out[0], out[1]};
  loss(results, dout);
  if (slopes.positions.extent(0) > 0) {
    core::expect(!wanted.positions[0].data() && !wanted.positions[1].data() && !dpoints.data(),
                 "training_pass: adjoints of positions beside a loss on slopes");
    const int b = static_cast<int>(slopes.branch);
    std::vector<KeyAdjoints> blocks;
    const auto use_keys = [&](Step& step, KeyRange range) {
      const std::size_t count = static_cast<std::size_t>(step.keys.count);
      Mat<T, Space> keys = step.tape.k, values = step.tape.v;
      if (recompute) {
        keys = take<T>(context, count, d), values = take<T>(context, count, d);
        typename core::Arena<Space>::Scope inner(context.arena);
        const Block& block = *step.block;
        const Modulation m = modulation(context, block, input.condition);
        Mat<T, Space> normed = take<T>(context, count, d);
        if (block.perceiver)
          layer_norm<T, Space>(context, step.keys.supernodes, block.norm_kv_weight, block.norm_kv_bias, m[2], m[3],
                               T(config_.norm_eps), normed);
        else
          layer_norm<T, Space>(context, rows(step.x, 0, count), block.norm1_weight, block.norm1_bias, m[0], m[1],
                               T(config_.norm_eps), normed);
        project_keys(context, block, normed, step.keys.table, keys, values);
      }
      step.keys.dkeys = take<T>(context, count, d), step.keys.dvalues = take<T>(context, count, d);
      fill_zero<T, Space>(context, step.keys.dkeys), fill_zero<T, Space>(context, step.keys.dvalues);
      blocks.push_back({rows(keys, range.begin, range.end), rows(values, range.begin, range.end),
                        rows(step.keys.dkeys, range.begin, range.end),
                        rows(step.keys.dvalues, range.begin, range.end)});
    };
    for (std::size_t i = 0; i < physics_steps.size(); ++i)
      use_keys(physics_steps[i], keys_of(config_.physics_blocks[i], b, supernodes, r.anchors));
    for (Step& step : decoder_steps[b]) use_keys(step, {0, r.anchors[b]});
    slopes_pass(context, slopes, blocks, input.condition, recompute, gradients);
  }

  Mat<T, Space> dx = take<T>(context, total, d), dgeometry = take<T>(context, supernodes, d);
  fill_zero<T, Space>(context, dgeometry);
  for (int b = 0; b < 2; ++b) {
    typename core::Arena<Space>::Scope inner(context.arena);
    Mat<T, Space> dy = take<T>(context, y[b].extent(0), d);
    const Mat<const T, Space> weight = p.matrix(head_name[b] + ".weight");
    linear_backward<T, Space>(context, y[b], weight, dout[b], dy, Adjoint::overwrite, g(weight),
                              g(p.vector(head_name[b] + ".bias")));
    for (std::size_t i = decoder_steps[b].size(); i-- > 0;) backward_step(decoder_steps[b][i], dy, {});
    scatter(b, dy, dx);
  }
  for (std::size_t i = physics_steps.size(); i-- > 0;) backward_step(physics_steps[i], dx, dgeometry);
  for (int b = 0; b < 2; ++b) {
    typename core::Arena<Space>::Scope inner(context.arena);
    const std::size_t count = positions[b].extent(0);
    Mat<T, Space> dtoken = take<T>(context, count, d), hidden = take<T>(context, count, d),
                  dhidden = take<T>(context, count, d);
    gather(b, dx, dtoken);
    gelu_forward<T, Space>(context, branch_up[b], hidden);
    const Mat<const T, Space> down = p.matrix(branch_name[b] + ".down.weight"),
                              up = p.matrix(branch_name[b] + ".up.weight");
    linear_backward<T, Space>(context, hidden, down, dtoken, dhidden, Adjoint::overwrite, g(down),
                              g(p.vector(branch_name[b] + ".down.bias")));
    gelu_backward<T, Space>(context, branch_up[b], dhidden, dhidden);
    const Mat<T, Space> dx_b = wanted.positions[b];
    Mat<T, Space> dembedded;
    if (dx_b.data()) dembedded = take<T>(context, count, d);
    linear_backward<T, Space>(context, embedded[b], up, dhidden, dembedded, Adjoint::overwrite, g(up),
                              g(p.vector(branch_name[b] + ".up.bias")));
    if (const Mat<const T, Space> weight = feature_weight(static_cast<Branch>(b)); weight.data())
      linear_backward<T, Space>(context, features.of[b], weight, dhidden, {}, Adjoint::overwrite, g(weight), {});
    if (!dx_b.data()) continue;
    // Read by the embedding and, as angles, by the physics blocks and by the branch's own decoder.
    core::expect(dx_b.extent(0) == count && dx_b.extent(1) == 3, "training_pass: shape of the positions' adjoints");
    fill_zero<T, Space>(context, dx_b);
    sincos_embedding_backward<T, Space>(context, embedded[b], frequency3_, dembedded, 0, dx_b);
    Mat<T, Space> shared = take<T>(context, count, head / 2);
    gather(b, dangles, shared);
    rotary_table_backward<T, Space>(context, shared, rotary_frequency_, dx_b);
    rotary_table_backward<T, Space>(context, branch_dangles[b], rotary_frequency_, dx_b);
  }
  for (std::size_t i = geometry_steps.size(); i-- > 0;) backward_step(geometry_steps[i], dgeometry, {});
  if (dpoints.data()) {
    typename core::Arena<Space>::Scope inner(context.arena);
    core::expect(dpoints.extent(0) == input.points.extent(0) && dpoints.extent(1) == 3,
                 "training_pass: shape of the points' adjoint");
    fill_zero<T, Space>(context, dpoints);
    Mat<T, Space> dsupernodes = take<T>(context, supernodes, 3);
    fill_zero<T, Space>(context, dsupernodes);
    rotary_table_backward<T, Space>(context, geometry_dangles, rotary_frequency_, dsupernodes);
    gather_positions_backward<T, Space>(context, wanted.points.supernodes, dsupernodes, dpoints);
  }
  const PoolingParameters<T, Space> pooling = pooling_parameters();
  supernode_pooling_backward<T, Space>(
      context, config_.message, pooling, input.points, input.supernodes, input.neighbors, config_.max_degree, dgeometry,
      {g(pooling.message_up), g(pooling.message_down), g(pooling.merge), g(pooling.message_up_bias),
       g(pooling.message_down_bias), g(pooling.merge_bias), g(pooling.message_features), g(pooling.own_features)},
      wanted.points, pooling_tape, input.point_features);
}

#define STREAMTUBE_INSTANTIATE(T, S)                                                                                 \
  template void Abupt<T, S>::training_pass(Context<S>&, const Case&, const Mat<const T, S>(&)[2], const Rows&, bool, \
                                           const LossFunction&, Vec<T, S>, const PositionAdjoints&, const Slopes&,   \
                                           const Features&) const;                                                   \
  template typename Abupt<T, S>::ModulationAdjoint Abupt<T, S>::modulation_adjoint(Context<S>&, const Block&) const; \
  template Mat<T, S> Abupt<T, S>::through_gate(Context<S>&, Mat<T, S>, Mat<const T, S>, Vec<const T, S>, Vec<T, S>)  \
      const;
STREAMTUBE_FOR_ALL_SPACES(STREAMTUBE_INSTANTIATE)
#undef STREAMTUBE_INSTANTIATE

}  // namespace streamtube::surrogate
