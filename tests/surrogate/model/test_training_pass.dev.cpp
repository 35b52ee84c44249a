// The adjoint of the whole network, in weights and positions, in double against central differences, for every kind of
// block; keeping less memory, or asking for less, changes no bit.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "core/rng.hpp"
#include "surrogate/backends/backend_set.hpp"
#include "surrogate/model/abupt.dev.hpp"
#include "surrogate/train/loss.dev.hpp"

namespace {

using namespace streamtube;
using namespace streamtube::surrogate;

// What the adjoint gives for positions, laid out as they are.
template <class T>
struct Positions {
  std::vector<T> points, rows[2];
};

template <class T>
struct Setting {
  using Model = Abupt<T, HostSpace>;
  AbuptConfig config;
  Weights weights;
  std::vector<T> points, positions[2], targets[2], condition, point_features, features[2];
  std::vector<std::int64_t> supernodes;
  typename Model::Rows rows;
  geometry::Neighbors<HostSpace> neighbors;  // of the points as drawn: held fixed where points are moved
  CpuPath path = CpuPath::portable;
  std::vector<T> dout[2];  // what the loss of the last pass gave

  explicit Setting(const AbuptConfig& c) : config(c), weights(random_weights(c, 3)) {
    core::Rng rng(8, "setting");
    for (auto& [name, tensor] : weights) {
      const double spread = tensor.shape.size() == 2 ? 1 / std::sqrt(static_cast<double>(tensor.shape[1])) : 0.05;
      const double mean = name.find("norm") != std::string::npos && name.ends_with("weight") ? 1 : 0;
      for (float& w : tensor.values) w = static_cast<float>(mean + spread * rng.normal());
    }
    const auto place = [&](std::size_t n) {
      std::vector<T> x(3 * n);
      for (T& v : x) v = static_cast<T>(std::round(64 * (100 + 700 * rng.uniform())) / 64);  // exact in float32
      return x;
    };
    points = place(60);
    for (int i = 0; i < 60; i += 3) supernodes.push_back(i);
    supernodes.push_back(0);  // a point may be named twice
    const std::int64_t anchors[2] = {13, 17}, queries[2] = {5, 4};
    for (int b = 0; b < 2; ++b) {
      rows.anchors[b] = anchors[b], rows.queries[b] = queries[b];
      positions[b] = place(static_cast<std::size_t>(anchors[b] + queries[b]));
      targets[b].resize(positions[b].size() / 3 * static_cast<std::size_t>(config.outputs[b]));
      for (T& v : targets[b]) v = static_cast<T>(rng.normal());
    }
    const auto draw = [&](std::size_t n) {
      std::vector<T> x(n);
      for (T& v : x) v = static_cast<T>(static_cast<float>(rng.normal()));
      return x;
    };
    point_features = draw(points.size() / 3 * static_cast<std::size_t>(config.point_features()));
    for (int b = 0; b < 2; ++b)
      features[b] = draw(positions[b].size() / 3 * static_cast<std::size_t>(config.features(b)));
    for (int i = 0; i < config.condition; ++i) condition.push_back(static_cast<T>(rng.normal()));
    neighbors = geometry::radius_search<T, HostSpace>(HostSpace(), {points.data(), points.size() / 3, 3},
                                                      {supernodes.data(), supernodes.size()},
                                                      static_cast<T>(config.radius), config.max_degree);
  }

  // Thrown by the loss where its value alone is wanted: the pass ends before the adjoint, which takes most of its time.
  struct ValueIsKnown {};
  // Loss of the network with these weights; its gradients in the parameters and the positions, where asked for.
  double pass(const Weights& w, bool recompute, std::vector<T>* gradients, Positions<T>* wanted = nullptr,
              std::map<std::string, typename ParameterStore<T, HostSpace>::Entry>* entries = nullptr) {
    const Model model(config, w, "test");
    if (entries) *entries = model.parameters().entries();
    if (gradients) gradients->assign(model.parameters().size(), T(0));
    core::Arena<HostSpace> arena;
    const BackendSet backends(path);
    Context<HostSpace> context{HostSpace(), arena, backends};
    typename Model::Case input;
    input.points = {points.data(), points.size() / 3, 3};
    input.supernodes = {supernodes.data(), supernodes.size()};
    input.condition = {condition.data(), condition.empty() ? 0u : 1u, condition.size()};
    input.neighbors = neighbors;
    input.point_features = {point_features.data(), points.size() / 3,
                            static_cast<std::size_t>(config.point_features())};
    typename Model::Features beside;
    for (int b = 0; b < 2; ++b)
      beside.of[b] = {features[b].data(), positions[b].size() / 3, static_cast<std::size_t>(config.features(b))};
    typename Model::PositionAdjoints adjoints;
    if (wanted) {
      const T nan = std::numeric_limits<T>::quiet_NaN();  // positions' adjoints overwrite
      wanted->points.assign(points.size(), nan);
      const std::int64_t count = static_cast<std::int64_t>(points.size() / 3);
      adjoints.points = {{wanted->points.data(), points.size() / 3, 3},
                         geometry::invert<std::int32_t, HostSpace>(HostSpace(), neighbors.source, count),
                         geometry::invert<std::int64_t, HostSpace>(HostSpace(), input.supernodes, count)};
      for (int b = 0; b < 2; ++b) {
        wanted->rows[b].assign(positions[b].size(), nan);
        adjoints.positions[b] = {wanted->rows[b].data(), positions[b].size() / 3, 3};
      }
    }
    const Mat<const T, HostSpace> at[2] = {{positions[0].data(), positions[0].size() / 3, 3},
                                           {positions[1].data(), positions[1].size() / 3, 3}};
    std::vector<double> losses[2] = {std::vector<double>(4), std::vector<double>(7)};
    std::vector<T> weight(7, T(0.5));
    const typename Model::LossFunction loss = [&](const Mat<const T, HostSpace>(&out)[2],
                                                  const Mat<T, HostSpace>(&d)[2]) {
      for (int b = 0; b < 2; ++b) {
        squared_error<T, HostSpace>(context, out[b], {targets[b].data(), out[b].extent(0), out[b].extent(1)}, {},
                                    {weight.data(), out[b].extent(1)}, T(1), d[b],
                                    {losses[b].data(), losses[b].size()});
        if (context.measuring()) continue;
        context.space.fence();
        dout[b].assign(d[b].data(), d[b].data() + d[b].size());
      }
      if (!gradients && !wanted && !context.measuring()) throw ValueIsKnown();
    };
    const Vec<T, HostSpace> flat =
        gradients ? Vec<T, HostSpace>{gradients->data(), gradients->size()} : Vec<T, HostSpace>{};
    const auto run = [&] {
      model.training_pass(context, input, at, rows, recompute, loss, flat, adjoints, {}, beside);
    };
    arena.measure(run);
    try {
      run();
    } catch (const ValueIsKnown&) {
    }
    HostSpace().fence();
    double total = 0;
    for (const auto& part : losses)
      for (const double value : part) total += value;
    return total;
  }
};

AbuptConfig config(const std::string& blocks, int condition, Message message, bool bias) {
  AbuptConfig c;
  c.hidden = 24, c.heads = 2, c.mlp_ratio = 2, c.physics_blocks = blocks;
  c.decoder_blocks[0] = 1, c.decoder_blocks[1] = 2;
  c.radius = 250, c.max_degree = 6, c.condition = condition, c.message = message, c.bias = bias;
  return c;
}

AbuptConfig with_features(AbuptConfig c) {
  c.normals = c.wall_distance = true;
  return c;
}

}  // namespace

TEST_CASE("gradient of every tensor against central differences") {
  for (const AbuptConfig& c :
       {config("psc", 0, Message::relative, true), config("jpc", 3, Message::absolute, true),
        config("pj", 0, Message::absolute, false), with_features(config("psc", 2, Message::relative, true)),
        with_features(config("pj", 0, Message::absolute, false))}) {
    Setting<double> setting(c);
    std::vector<double> gradients;
    std::map<std::string, ParameterStore<double, HostSpace>::Entry> entries;
    setting.pass(setting.weights, false, &gradients, nullptr, &entries);
    core::Rng rng(9, "directions");
    for (const auto& [name, entry] : entries) {
      CAPTURE(c.physics_blocks, name);
      const float h = 1.0f / 65536;  // weights are float32: what they hold of a step is what counts
      double expected = 0, size = 0;
      Weights above = setting.weights, below = setting.weights;
      for (std::size_t i = 0; i < entry.size(); ++i) {
        const float d = rng.below(2) ? h : -h, w = setting.weights.at(name).values[i];
        float &up = above[name].values[i], &down = below[name].values[i];
        up = w + d, down = w - d;
        const double term = gradients[entry.offset + i] * (double{up} - double{down});
        expected += term, size += term * term;
      }
      const double slope = setting.pass(above, false, nullptr) - setting.pass(below, false, nullptr);
      CHECK(std::abs(slope - expected) < 1e-5 * (std::sqrt(size) + std::abs(expected)) + 1e-12);
    }
  }
}

namespace {

// Slope of the loss where every coordinate moves along its direction, against `expected`: the
// error of the best step.
double slope_error(Setting<double>& setting, const Positions<double>& direction, double expected) {
  const Setting<double> base = setting;
  double best = std::numeric_limits<double>::infinity();
  for (const double h : {1e-2, 1e-3, 1e-4}) {
    double slope = 0;
    for (const double side : {1.0, -1.0}) {
      const auto move = [&](std::vector<double>& x, const std::vector<double>& from, const std::vector<double>& along) {
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = from[i] + side * h * along[i];
      };
      move(setting.points, base.points, direction.points);
      for (int b = 0; b < 2; ++b) move(setting.positions[b], base.positions[b], direction.rows[b]);
      slope += side * setting.pass(setting.weights, false, nullptr) / (2 * h);
    }
    best = std::min(best, std::abs(slope - expected));  // NaN: stays infinite
  }
  setting.points = base.points;
  for (int b = 0; b < 2; ++b) setting.positions[b] = base.positions[b];
  return best;
}

Positions<double> nowhere(const Setting<double>& setting) {
  return {std::vector<double>(setting.points.size()),
          {std::vector<double>(setting.positions[0].size()), std::vector<double>(setting.positions[1].size())}};
}

}  // namespace

TEST_CASE("gradient of positions against central differences") {
  for (const AbuptConfig& c : {config("psc", 0, Message::relative, true), config("jpc", 3, Message::absolute, true),
                               config("pj", 0, Message::relative, false), config("s", 2, Message::absolute, true),
                               with_features(config("psc", 0, Message::relative, true))}) {
    Setting<double> setting(c);
    Positions<double> gradient;
    setting.pass(setting.weights, false, nullptr, &gradient);
    core::Rng rng(10, "moves");
    // The points, and of each branch anchors and queries.
    for (int part = 0; part < 5; ++part)
      for (int round = 0; round < 2; ++round) {
        CAPTURE(c.physics_blocks, part, round);
        Positions<double> direction = nowhere(setting);
        const int b = (part - 1) / 2;
        std::vector<double>& along = part == 0 ? direction.points : direction.rows[b];
        const std::vector<double>& g = part == 0 ? gradient.points : gradient.rows[b];
        const std::size_t edge = part == 0 ? 0 : static_cast<std::size_t>(3 * setting.rows.anchors[b]);
        const std::size_t begin = part == 0 || part % 2 ? 0 : edge, end = part % 2 ? edge : g.size();
        double expected = 0, size = 0;
        for (std::size_t i = begin; i < end; ++i) {
          along[i] = rng.normal();
          expected += g[i] * along[i], size += std::pow(g[i] * along[i], 2);
        }
        if (part == 0 && c.physics_blocks == "s") {
          CHECK(size == 0);  // no block looks at the geometry
        } else {
          CHECK(size > 0);
        }
        CHECK(slope_error(setting, direction, expected) <= 1e-6 * (std::sqrt(size) + std::abs(expected)));
      }
  }
}

TEST_CASE("moving everything together has the sum of the gradients") {
  Setting<double> setting(config("psjc", 0, Message::relative, true));
  Positions<double> gradient;
  setting.pass(setting.weights, false, nullptr, &gradient);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    CAPTURE(axis);
    Positions<double> direction = nowhere(setting);
    double expected = 0, size = 0;
    const auto add = [&](std::vector<double>& along, const std::vector<double>& g) {
      for (std::size_t i = axis; i < g.size(); i += 3) along[i] = 1, expected += g[i], size += g[i] * g[i];
    };
    add(direction.points, gradient.points);
    for (int b = 0; b < 2; ++b) add(direction.rows[b], gradient.rows[b]);
    CHECK(size > 0);
    CHECK(slope_error(setting, direction, expected) <= 1e-6 * (std::sqrt(size) + std::abs(expected)));
  }
}

TEST_CASE("gradients of positions change no bit of the parameters', nor the other way round") {
  for (const CpuPath path : cpu_paths()) {
    for (const int condition : {0, 3}) {
      CAPTURE(static_cast<int>(path), condition);
      Setting<float> setting(
          config("psjc", condition, condition ? Message::absolute : Message::relative, condition == 0));
      setting.path = path;
      std::vector<float> alone, beside, anew;
      Positions<float> both, only, recomputed;
      const double loss = setting.pass(setting.weights, false, &alone);
      CHECK(setting.pass(setting.weights, false, &beside, &both) == loss);
      CHECK(setting.pass(setting.weights, false, nullptr, &only) == loss);
      CHECK(setting.pass(setting.weights, true, &anew, &recomputed) == loss);
      CHECK(beside == alone);
      CHECK(anew == alone);
      for (const Positions<float>* other : {&only, &recomputed}) {
        CHECK(other->points == both.points);
        for (int b = 0; b < 2; ++b) CHECK(other->rows[b] == both.rows[b]);
      }
    }
  }
}

TEST_CASE("the surrogate's sensitivity is that of the adjoint in double") {
  for (const int condition : {0, 3}) {
    CAPTURE(condition);
    const AbuptConfig c = config("psjc", condition, Message::relative, true);
    Setting<double> exact(c);
    Setting<float> setting(c);
    Positions<double> expected;
    exact.pass(exact.weights, false, nullptr, &expected);
    Surrogate model(c, setting.weights, "test");
    std::vector<float> coefficients[2];
    std::span<const float> queries[2];
    EncodeInput input{setting.points, setting.supernodes, {}, setting.condition};
    for (int b = 0; b < 2; ++b) {
      coefficients[b].assign(exact.dout[b].begin(), exact.dout[b].end());
      const std::span<const float> all = setting.positions[b];
      const std::size_t anchors = static_cast<std::size_t>(3 * setting.rows.anchors[b]);
      input.anchors[b] = all.first(anchors), queries[b] = all.subspan(anchors);
    }
    const Surrogate::Sensitivity got = model.sensitivity(input, queries, {coefficients[0], coefficients[1]});
    const auto error = [](const std::vector<float>& x, std::span<const double> y) {
      REQUIRE(x.size() == y.size());
      double difference = 0, size = 0;
      for (std::size_t i = 0; i < x.size(); ++i) difference += std::pow(x[i] - y[i], 2), size += y[i] * y[i];
      return std::sqrt(difference / size);
    };
    CHECK(error(got.points, expected.points) < 2e-4);
    for (int b = 0; b < 2; ++b) {
      const std::span<const double> all = expected.rows[b];
      CHECK(error(got.anchors[b], all.first(got.anchors[b].size())) < 2e-4);
      CHECK(error(got.queries[b], all.subspan(got.anchors[b].size())) < 2e-4);
    }
    std::vector<float> out[2];
    model.forward_traced(input, queries, out, nullptr);
    double value = 0, size = 0;
    for (int b = 0; b < 2; ++b)
      for (std::size_t i = 0; i < out[b].size(); ++i) {
        const double term = double{coefficients[b][i]} * double{out[b][i]};
        value += term, size += std::abs(term);
      }
    CHECK(std::abs(got.value - value) < 1e-5 * size);
  }
}

TEST_CASE("computing blocks anew changes no bit") {
  for (const int condition : {0, 3}) {
    Setting<double> setting(with_features(config("psjc", condition, Message::relative, true)));
    std::vector<double> kept, anew;
    CHECK(setting.pass(setting.weights, false, &kept) == setting.pass(setting.weights, true, &anew));
    CHECK(kept == anew);
  }
}
