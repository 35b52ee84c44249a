// Exact derivatives along the query path: against the reference in double, the fast path against the portable one, and
// the adjoint of a loss on them against central differences in double.

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "core/rng.hpp"
#include "surrogate/backends/backend_set.hpp"
#include "surrogate/model/abupt.dev.hpp"
#include "surrogate/train/loss.dev.hpp"
#include "tests/golden/golden_case.hpp"

namespace {

using namespace streamtube;
using namespace streamtube::surrogate;

template <class T>
struct Setting {
  using Model = Abupt<T, HostSpace>;
  AbuptConfig config;
  std::vector<T> points, anchors[2], queries, condition;
  std::vector<T> point_features, anchor_features[2], query_features;  // of the queries' branch, stacked [4 N][F]
  std::vector<std::int64_t> supernodes;
  CpuPath path = CpuPath::portable;
  core::Arena<HostSpace> arena;

  typename Model::Case input() const {
    typename Model::Case in;
    in.points = {points.data(), points.size() / 3, 3};
    in.supernodes = {supernodes.data(), supernodes.size()};
    in.condition = {condition.data(), condition.empty() ? 0u : 1u, condition.size()};
    in.point_features = {point_features.data(), points.size() / 3, static_cast<std::size_t>(config.point_features())};
    in.neighbors = geometry::radius_search<T, HostSpace>(HostSpace(), in.points, in.supernodes, T(config.radius),
                                                         config.max_degree);
    return in;
  }
  typename Model::Features features() const {
    typename Model::Features f;
    for (int b = 0; b < 2; ++b)
      f.of[b] = {anchor_features[b].data(), anchors[b].size() / 3, static_cast<std::size_t>(config.features(b))};
    return f;
  }
  Mat<const T, HostSpace> stacked(Branch branch) const {
    return {query_features.data(), 4 * queries.size() / 3,
            static_cast<std::size_t>(config.features(static_cast<int>(branch)))};
  }
  typename Model::Rows rows() const {
    typename Model::Rows r;
    for (int b = 0; b < 2; ++b) r.anchors[b] = static_cast<std::int64_t>(anchors[b].size() / 3);
    return r;
  }

  // [4 N][outputs] of queries of a branch.
  std::vector<T> tangents(const Weights& weights, Branch branch) {
    const Model model(config, weights, "test");
    const BackendSet backends(path);
    Context<HostSpace> context{HostSpace(), arena, backends};
    const typename Model::Case in = input();
    const typename Model::Rows r = rows();
    std::vector<T> at = anchors[0];
    at.insert(at.end(), anchors[1].begin(), anchors[1].end());
    AnchorCache<T, HostSpace> cache;
    cache.resize(config, static_cast<std::int64_t>(supernodes.size()), r.anchors[0], r.anchors[1], true);
    std::vector<T> out[2];
    Mat<T, HostSpace> result[2];
    for (int b = 0; b < 2; ++b) {
      const std::size_t n = anchors[b].size() / 3, width = static_cast<std::size_t>(config.outputs[b]);
      out[b].resize(n * width);
      result[b] = {out[b].data(), n, width};
    }
    const std::size_t n = queries.size() / 3,
                      width = static_cast<std::size_t>(config.outputs[static_cast<int>(branch)]);
    std::vector<T> answer(4 * n * width);
    const auto pass = [&] {
      typename core::Arena<HostSpace>::Scope scope(arena);
      Mat<T, HostSpace> tokens = take<T>(context, supernodes.size(), static_cast<std::size_t>(config.hidden));
      model.encode_geometry(context, in, tokens);
      model.forward(context, in, tokens, {at.data(), at.size() / 3, 3}, r, cache, result, {}, features());
      model.query_tangents(context, in, branch, {queries.data(), n, 3}, cache, {answer.data(), 4 * n, width},
                           stacked(branch));
    };
    arena.measure(pass);
    pass();
    HostSpace().fence();
    return answer;
  }

  using Function = std::function<double(Context<HostSpace>&, Mat<const T, HostSpace> out, Mat<T, HostSpace> dout)>;
  // Thrown by the loss where its value alone is wanted: the pass ends before the adjoint, which takes most of its time.
  struct ValueIsKnown {};
  // Loss of the stacked outputs of the volume queries, and its gradient in the parameters, where asked for.
  double loss(const Weights& weights, const Function& function, bool recompute, std::vector<T>* gradients,
              std::map<std::string, typename ParameterStore<T, HostSpace>::Entry>* entries = nullptr) {
    const Model model(config, weights, "test");
    if (entries) *entries = model.parameters().entries();
    if (gradients) gradients->assign(model.parameters().size(), T(0));
    const BackendSet backends(path);
    Context<HostSpace> context{HostSpace(), arena, backends};
    const typename Model::Case in = input();
    double value = 0;
    const typename Model::LossFunction none = [&](const auto&, const Mat<T, HostSpace>(&dout)[2]) {
      for (int b = 0; b < 2; ++b) fill_zero<T, HostSpace>(context, dout[b]);
    };
    typename Model::Slopes slopes;
    slopes.positions = {queries.data(), queries.size() / 3, 3};
    slopes.features = stacked(Branch::volume);
    slopes.loss = [&](Mat<const T, HostSpace> out, Mat<T, HostSpace> dout) {
      value = function(context, out, dout);
      if (!gradients && !context.measuring()) throw ValueIsKnown();
    };
    const Mat<const T, HostSpace> at[2] = {{anchors[0].data(), anchors[0].size() / 3, 3},
                                           {anchors[1].data(), anchors[1].size() / 3, 3}};
    const Vec<T, HostSpace> flat =
        gradients ? Vec<T, HostSpace>{gradients->data(), gradients->size()} : Vec<T, HostSpace>{};
    const auto pass = [&] {
      model.training_pass(context, in, at, rows(), recompute, none, flat, {}, slopes, features());
    };
    arena.measure(pass);
    try {
      pass();
    } catch (const ValueIsKnown&) {
    }
    HostSpace().fence();
    return value;
  }
  // Several losses of the outputs of one pass.
  std::vector<double> values(const Weights& weights, const std::vector<Function>& functions) {
    std::vector<double> all(functions.size());
    const Function each = [&](Context<HostSpace>& context, Mat<const T, HostSpace> out, Mat<T, HostSpace> dout) {
      for (std::size_t i = 0; i < functions.size(); ++i) all[i] = functions[i](context, out, dout);
      return 0.0;
    };
    loss(weights, each, false, nullptr);
    return all;
  }
};

// Sum over the outputs of c out + (c out)^2 / 2, c drawn.
template <class T>
typename Setting<T>::Function every_output(std::size_t size) {
  core::Rng rng(9, "coefficients");
  std::vector<T> c(size);
  for (T& x : c) x = static_cast<T>(static_cast<float>(rng.normal()));
  return [c](Context<HostSpace>& context, Mat<const T, HostSpace> out, Mat<T, HostSpace> dout) {
    double value = 0;
    if (context.measuring()) return value;
    context.space.fence();
    for (std::size_t i = 0; i < out.size(); ++i) {
      const T term = c.at(i) * out.data()[i];
      value += static_cast<double>(term + term * term / 2);
      dout.data()[i] = c[i] * (1 + term);
    }
    return value;
  };
}

// The losses of the decoders: vorticity as curl of the velocity, with and without signed log.
template <class T>
typename Setting<T>::Function curl_loss(std::size_t rows, std::size_t columns, bool signed_log) {
  core::Rng rng(9, "targets");
  std::vector<T> target(rows * columns);
  for (T& x : target) x = static_cast<T>(static_cast<float>(rng.normal()));
  CurlTerm term;
  term.from = 1, term.to = signed_log ? 4 : 1;
  term.factor = 30, term.signed_log = signed_log;
  for (int c = 0; c < 3; ++c)
    term.scale[c] = 0.5f + 0.25f * static_cast<float>(c), term.mean[c] = 0.1f * static_cast<float>(c),
    term.std[c] = 0.75f + 0.5f * static_cast<float>(c), term.weight[c] = 1 + static_cast<float>(c);
  return [=](Context<HostSpace>& context, Mat<const T, HostSpace> out, Mat<T, HostSpace> dout) {
    std::vector<double> losses(3);
    fill_zero<T, HostSpace>(context, dout);
    curl_error<T, HostSpace>(context, out, {target.data(), rows, columns}, term, static_cast<T>(term.factor), T(1),
                             dout, {losses.data(), 3});
    context.space.fence();
    return losses[0] + losses[1] + losses[2];
  };
}

// Features of `branch` for the queries, where they are wanted: values and derivatives of their own.
template <class T>
Setting<T> random_setting(const std::string& blocks, int condition, bool bias, int hidden, int heads,
                          bool features = false, Branch branch = Branch::volume) {
  Setting<T> s;
  AbuptConfig& c = s.config;
  c.normals = c.wall_distance = features;
  c.hidden = hidden, c.heads = heads, c.mlp_ratio = 2, c.physics_blocks = blocks;
  c.decoder_blocks[0] = 1, c.decoder_blocks[1] = 2;
  c.radius = 250, c.max_degree = 6, c.condition = condition, c.bias = bias;
  core::Rng rng(8, "setting");
  const auto place = [&](std::size_t n) {
    std::vector<T> x(3 * n);
    for (T& v : x) v = static_cast<T>(std::round(64 * (100 + 700 * rng.uniform())) / 64);
    return x;
  };
  s.points = place(60);
  for (int i = 0; i < 60; i += 3) s.supernodes.push_back(i);
  s.anchors[0] = place(67), s.anchors[1] = place(71);
  s.queries = place(29);
  for (int i = 0; i < condition; ++i) s.condition.push_back(static_cast<T>(rng.normal()));
  const auto draw = [&](std::size_t n, int wide, double spread) {
    std::vector<T> x(n * static_cast<std::size_t>(wide));
    for (T& v : x) v = static_cast<T>(static_cast<float>(spread * rng.normal()));
    return x;
  };
  s.point_features = draw(s.points.size() / 3, c.point_features(), 1);
  for (int b = 0; b < 2; ++b) s.anchor_features[b] = draw(s.anchors[b].size() / 3, c.features(b), 1);
  const int wide = c.features(static_cast<int>(branch));
  s.query_features = draw(s.queries.size() / 3, wide, 1);
  const std::vector<T> slopes = draw(s.queries.size(), wide, 0.05);
  s.query_features.insert(s.query_features.end(), slopes.begin(), slopes.end());
  return s;
}

Weights lively_weights(const AbuptConfig& config) {
  Weights weights = random_weights(config, 3);
  core::Rng rng(4, "weights");
  for (auto& [name, tensor] : weights) {
    const double spread = tensor.shape.size() == 2 ? 1 / std::sqrt(static_cast<double>(tensor.shape[1])) : 0.05;
    const double mean = name.find("norm") != std::string::npos && name.ends_with("weight") ? 1 : 0;
    for (float& w : tensor.values) w = static_cast<float>(mean + spread * rng.normal());
  }
  return weights;
}

template <class A, class B>
double difference(const std::vector<A>& a, const std::vector<B>& b) {
  double d = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    d += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(d / size);
}

}  // namespace

TEST_CASE("forward-mode Jacobian and curl in double against the reference's") {
  const auto golden = golden::read_case(STREAMTUBE_SOURCE_DIR "/tests/golden/derivative/derivative.h5");
  Setting<double> s;
  s.config = golden.config;
  s.points.assign(golden.points.begin(), golden.points.end());
  s.supernodes = golden.supernodes;
  for (int b = 0; b < 2; ++b) s.anchors[b].assign(golden.anchors[b].begin(), golden.anchors[b].end());
  s.queries.assign(golden.queries[1].begin(), golden.queries[1].end());
  const std::size_t n = s.queries.size() / 3, width = static_cast<std::size_t>(golden.config.outputs[1]);
  const std::vector<double> out = s.tangents(golden.weights, Branch::volume);
  std::vector<double> jacobian;
  for (std::size_t q = 0; q < n; ++q)
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t axis = 0; axis < 3; ++axis)
        jacobian.push_back(out[((axis + 1) * n + q) * width + golden::first_velocity + i]);
  CHECK(golden::relative_error(jacobian, golden.velocity_jacobian) <= 1e-10);
  CHECK(golden::relative_error(golden::curl_of(jacobian), golden.curl) <= 1e-10);
}

TEST_CASE("derivatives of queries against central differences") {
  for (const Branch branch : {Branch::surface, Branch::volume})
    for (const auto& [blocks, condition, bias, features] :
         {std::tuple("psc", 0, true, false), std::tuple("jpc", 3, true, true), std::tuple("pj", 0, false, false)}) {
      CAPTURE(blocks, condition);
      auto s = random_setting<double>(blocks, condition, bias, 24, 2, features, branch);
      const Weights weights = lively_weights(s.config);
      const std::vector<double> base = s.queries, exact = s.tangents(weights, branch), beside = s.query_features;
      const std::size_t rows = exact.size() / 4, numbers = beside.size() / 4;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const double h = 1e-4;
        std::vector<double> slope(rows);
        for (const double side : {1.0, -1.0}) {
          s.queries = base;
          for (std::size_t i = axis; i < base.size(); i += 3) s.queries[i] += side * h;
          for (std::size_t i = 0; i < numbers; ++i)  // features that depend on the place
            s.query_features[i] = beside[i] + side * h * beside[(axis + 1) * numbers + i];
          const std::vector<double> out = s.tangents(weights, branch);
          for (std::size_t i = 0; i < rows; ++i) slope[i] += side * out[i] / (2 * h);
        }
        s.queries = base, s.query_features = beside;
        const auto first = exact.begin() + static_cast<std::ptrdiff_t>((axis + 1) * rows);
        CHECK(difference(std::vector<double>(first, first + static_cast<std::ptrdiff_t>(rows)), slope) < 1e-7);
      }
    }
}

TEST_CASE("gradient of a loss on derivatives against central differences") {
  for (const auto& [blocks, condition, bias, features] :
       {std::tuple("psc", 0, true, true), std::tuple("jpc", 3, true, false), std::tuple("pj", 0, false, true)}) {
    auto s = random_setting<double>(blocks, condition, bias, 24, 2, features);
    const Weights weights = lively_weights(s.config);
    const std::size_t rows = s.queries.size() / 3, columns = static_cast<std::size_t>(s.config.outputs[1]);
    constexpr int kinds = 3;
    const std::vector<Setting<double>::Function> functions = {every_output<double>(4 * rows * columns),
                                                              curl_loss<double>(rows, columns, true),
                                                              curl_loss<double>(rows, columns, false)};
    std::vector<double> gradients[kinds];
    std::map<std::string, ParameterStore<double, HostSpace>::Entry> entries;
    for (int kind = 0; kind < kinds; ++kind) {
      CAPTURE(blocks, kind);
      std::vector<double> again;
      s.loss(weights, functions[kind], false, &gradients[kind], &entries);
      s.loss(weights, functions[kind], true, &again);
      CHECK(gradients[kind] == again);
    }
    core::Rng rng(9, "directions");
    std::size_t moved[kinds] = {};
    for (const auto& [name, entry] : entries) {
      const float h = 1.0f / 65536;
      double expected[kinds] = {}, size[kinds] = {};
      Weights above = weights, below = weights;
      for (std::size_t i = 0; i < entry.size(); ++i) {
        const float d = rng.below(2) ? h : -h, w = weights.at(name).values[i];
        float &up = above[name].values[i], &down = below[name].values[i];
        up = w + d, down = w - d;
        for (int kind = 0; kind < kinds; ++kind) {
          const double term = gradients[kind][entry.offset + i] * (double{up} - double{down});
          expected[kind] += term, size[kind] += term * term;
        }
      }
      const std::vector<double> high = s.values(above, functions), low = s.values(below, functions);
      for (int kind = 0; kind < kinds; ++kind) {
        CAPTURE(blocks, kind, name);
        moved[kind] += size[kind] > 0;
        const double slope = high[kind] - low[kind];
        CHECK(std::abs(slope - expected[kind]) < 1e-5 * (std::sqrt(size[kind]) + std::abs(expected[kind])) + 1e-11);
      }
    }
    for (int kind = 0; kind < kinds; ++kind) {
      CAPTURE(blocks, kind);
      CHECK(moved[kind] > entries.size() / 2);
    }
  }
}

TEST_CASE("derivatives of the fast path against double") {
  for (const auto& [hidden, heads] : {std::pair(48, 3), std::pair(64, 2), std::pair(64, 1)}) {
    auto exact = random_setting<double>("pscj", 2, true, hidden, heads);
    const Weights weights = lively_weights(exact.config);
    const std::size_t size = 4 * exact.queries.size() / 3 * static_cast<std::size_t>(exact.config.outputs[1]);
    const std::vector<double> tangents = exact.tangents(weights, Branch::volume);
    std::vector<double> expected;
    exact.loss(weights, every_output<double>(size), false, &expected);
    for (const CpuPath path : cpu_paths()) {
      if (path == CpuPath::portable) continue;
      CAPTURE(name(path), hidden, heads);
      auto fast = random_setting<float>("pscj", 2, true, hidden, heads);
      fast.path = path;
      CHECK(difference(fast.tangents(weights, Branch::volume), tangents) < 1e-5);
      std::vector<float> got, again;
      fast.loss(weights, every_output<float>(size), false, &got);
      CHECK(difference(got, expected) < 2e-5);
      fast.loss(weights, every_output<float>(size), true, &again);
      CHECK(got == again);
    }
  }
}

// The decoder's promise: a vorticity that is the curl of the network's velocity has no divergence, however rough the
// network; one that the network gives itself has.
TEST_CASE("divergence of the curl and of a field of its own") {
  auto s = random_setting<double>("psc", 0, true, 24, 2);
  const Weights weights = lively_weights(s.config);
  const std::vector<double> base = s.queries;
  const std::size_t n = base.size() / 3, columns = static_cast<std::size_t>(s.config.outputs[1]);
  const auto at = [&](const std::vector<double>& out, std::size_t part, std::size_t q, std::size_t c) {
    return out[(part * n + q) * columns + c];
  };
  // Divergence and size of the gradient of w, by central differences of the exact curl.
  double divergence = 0, gradient = 0, own_divergence = 0, own_gradient = 0;
  const double h = 1e-3;
  std::vector<double> slope(9 * n);  // [q][component][axis]
  for (std::size_t axis = 0; axis < 3; ++axis)
    for (const double side : {1.0, -1.0}) {
      s.queries = base;
      for (std::size_t i = axis; i < base.size(); i += 3) s.queries[i] += side * h;
      const std::vector<double> out = s.tangents(weights, Branch::volume);
      for (std::size_t q = 0; q < n; ++q)
        for (std::size_t i = 0; i < 3; ++i) {
          const std::size_t j = (i + 1) % 3, k = (i + 2) % 3;
          slope[(q * 3 + i) * 3 + axis] += side * (at(out, j + 1, q, 1 + k) - at(out, k + 1, q, 1 + j)) / (2 * h);
        }
    }
  s.queries = base;
  const std::vector<double> out = s.tangents(weights, Branch::volume);
  for (std::size_t q = 0; q < n; ++q) {
    const double* w = &slope[9 * q];
    divergence += std::pow(w[0] + w[4] + w[8], 2);
    own_divergence += std::pow(at(out, 1, q, 4) + at(out, 2, q, 5) + at(out, 3, q, 6), 2);
    for (std::size_t i = 0; i < 9; ++i) {
      gradient += w[i] * w[i];
      own_gradient += std::pow(at(out, i % 3 + 1, q, 4 + i / 3), 2);
    }
  }
  CHECK(std::sqrt(divergence / gradient) < 1e-6);
  CHECK(std::sqrt(own_divergence / own_gradient) > 1e-2);
}
