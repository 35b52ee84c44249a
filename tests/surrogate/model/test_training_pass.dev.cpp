// The adjoint of the whole network in double against central differences, for every kind of block; keeping less memory
// changes no bit.

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <vector>

#include "core/rng.hpp"
#include "surrogate/model/abupt.dev.hpp"
#include "surrogate/train/loss.dev.hpp"

namespace {

using namespace streamtube;
using namespace streamtube::surrogate;
using Model = Abupt<double, HostSpace>;

struct Setting {
  AbuptConfig config;
  Weights weights;
  std::vector<double> points, positions[2], targets[2], condition;
  std::vector<std::int64_t> supernodes;
  Model::Rows rows;

  explicit Setting(const AbuptConfig& c) : config(c), weights(random_weights(c, 3)) {
    core::Rng rng(8, "setting");
    for (auto& [name, tensor] : weights) {
      const double spread = tensor.shape.size() == 2 ? 1 / std::sqrt(static_cast<double>(tensor.shape[1])) : 0.05;
      const double mean = name.find("norm") != std::string::npos && name.ends_with("weight") ? 1 : 0;
      for (float& w : tensor.values) w = static_cast<float>(mean + spread * rng.normal());
    }
    const auto place = [&](std::size_t n) {
      std::vector<double> x(3 * n);
      for (double& v : x) v = 100 + 700 * rng.uniform();
      return x;
    };
    points = place(60);
    for (int i = 0; i < 60; i += 3) supernodes.push_back(i);
    const std::int64_t anchors[2] = {13, 17}, queries[2] = {5, 4};
    for (int b = 0; b < 2; ++b) {
      rows.anchors[b] = anchors[b], rows.queries[b] = queries[b];
      positions[b] = place(static_cast<std::size_t>(anchors[b] + queries[b]));
      targets[b].resize(positions[b].size() / 3 * static_cast<std::size_t>(config.outputs[b]));
      for (double& v : targets[b]) v = rng.normal();
    }
    for (int i = 0; i < config.condition; ++i) condition.push_back(rng.normal());
  }

  // Loss and gradients of the network with these weights.
  double pass(const Weights& w, bool recompute, std::vector<double>& gradients,
              std::map<std::string, ParameterStore<double, HostSpace>::Entry>* entries = nullptr) const {
    const Model model(config, w, "test");
    if (entries) *entries = model.parameters().entries();
    gradients.assign(model.parameters().size(), 0.0);
    core::Arena<HostSpace> arena;
    const BackendSet backends(CpuPath::portable);
    Context<HostSpace> context{HostSpace(), arena, backends};
    Model::Case input;
    input.points = {points.data(), points.size() / 3, 3};
    input.supernodes = {supernodes.data(), supernodes.size()};
    input.condition = {condition.data(), condition.empty() ? 0u : 1u, condition.size()};
    input.neighbors = geometry::radius_search<double, HostSpace>(HostSpace(), input.points, input.supernodes,
                                                                 config.radius, config.max_degree);
    const Mat<const double, HostSpace> at[2] = {{positions[0].data(), positions[0].size() / 3, 3},
                                                {positions[1].data(), positions[1].size() / 3, 3}};
    std::vector<double> losses[2] = {std::vector<double>(4), std::vector<double>(7)}, weight(7, 0.5);
    const Model::LossFunction loss = [&](const Mat<const double, HostSpace>(&out)[2],
                                         const Mat<double, HostSpace>(&dout)[2]) {
      for (int b = 0; b < 2; ++b)
        squared_error<double, HostSpace>(context, out[b], {targets[b].data(), out[b].extent(0), out[b].extent(1)}, {},
                                         {weight.data(), out[b].extent(1)}, 1.0, dout[b],
                                         {losses[b].data(), losses[b].size()});
    };
    const auto run = [&] {
      model.training_pass(context, input, at, rows, recompute, loss, {gradients.data(), gradients.size()});
    };
    arena.measure(run);
    run();
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

}  // namespace

TEST_CASE("gradient of every tensor against central differences") {
  for (const AbuptConfig& c : {config("psc", 0, Message::relative, true), config("jpc", 3, Message::absolute, true),
                               config("pj", 0, Message::absolute, false)}) {
    const Setting setting(c);
    std::vector<double> gradients, unused;
    std::map<std::string, ParameterStore<double, HostSpace>::Entry> entries;
    setting.pass(setting.weights, false, gradients, &entries);
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
      const double slope = setting.pass(above, false, unused) - setting.pass(below, false, unused);
      CHECK(std::abs(slope - expected) < 1e-5 * (std::sqrt(size) + std::abs(expected)) + 1e-12);
    }
  }
}

TEST_CASE("computing blocks anew changes no bit") {
  for (const int condition : {0, 3}) {
    const Setting setting(config("psjc", condition, Message::relative, true));
    std::vector<double> kept, anew;
    CHECK(setting.pass(setting.weights, false, kept) == setting.pass(setting.weights, true, anew));
    CHECK(kept == anew);
  }
}
