#pragma once
// A network of random weights large enough to matter, and a case for it, in network units.

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <span>
#include <vector>

#include "core/rng.hpp"
#include "surrogate/model/surrogate.hpp"

namespace streamtube::test {

// Every kind of block.
inline surrogate::AbuptConfig small_network(int hidden, int condition = 0) {
  surrogate::AbuptConfig c;
  c.hidden = hidden, c.heads = 2, c.physics_blocks = "pscj", c.decoder_blocks[0] = 1, c.decoder_blocks[1] = 2;
  c.radius = 80, c.condition = condition;
  return c;
}

inline surrogate::Weights large_weights(const surrogate::AbuptConfig& c) {
  surrogate::Weights w = surrogate::random_weights(c, 11);
  for (auto& [name, tensor] : w)
    if (tensor.shape.size() > 1)
      for (float& v : tensor.values) v *= 6;  // outputs of order one
  return w;
}

inline std::vector<float> random_positions(std::size_t n, const char* stream) {
  core::Rng rng(2, stream);
  std::vector<float> x(3 * n);
  for (float& v : x) v = static_cast<float>(100 + 700 * rng.uniform());
  return x;
}

struct NetworkData {
  std::vector<float> points, surface, volume, condition = {0.3f, -1.0f};
  std::vector<std::int64_t> supernodes;  // every fourth point
  NetworkData(std::size_t n, std::size_t surface_anchors, std::size_t volume_anchors)
      : points(random_positions(n, "points")),
        surface(random_positions(surface_anchors, "surface")),
        volume(random_positions(volume_anchors, "volume")) {
    for (std::size_t i = 0; i < n; i += 4) supernodes.push_back(static_cast<std::int64_t>(i));
  }
  surrogate::EncodeInput input(bool conditioned = false) const {
    return {points,
            supernodes,
            {surface, volume},
            conditioned ? std::span<const float>(condition) : std::span<const float>()};
  }
};

inline std::vector<float> copy(std::span<const float> x) { return {x.begin(), x.end()}; }

// Relative L2.
inline double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double d = 0, n = 0;
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) d += std::pow(double{a[i]} - b[i], 2), n += double{b[i]} * b[i];
  REQUIRE(n > 0);
  return std::sqrt(d / n);
}

inline std::vector<float> ask(surrogate::Surrogate& model, surrogate::Branch branch, const std::vector<float>& at) {
  std::vector<float> out(at.size() / 3 * static_cast<std::size_t>(model.config().outputs[static_cast<int>(branch)]));
  model.query(branch, at, out);
  return out;
}

}  // namespace streamtube::test
