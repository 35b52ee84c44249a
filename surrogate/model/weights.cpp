// The tensors of a model by name, as PyTorch's state_dict of the published architecture names them.

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "surrogate/model/surrogate.hpp"

namespace streamtube::surrogate {

Weights expected_weights(const AbuptConfig& c) {
  Weights w;
  const std::size_t d = static_cast<std::size_t>(c.hidden), hidden = d * static_cast<std::size_t>(c.mlp_ratio);
  const auto linear = [&](const std::string& name, std::size_t out, std::size_t in, bool bias = true) {
    w[name + ".weight"].shape = {out, in};
    if (bias) w[name + ".bias"].shape = {out};
  };
  const auto norm = [&](const std::string& name) {
    if (c.condition) return;  // the modulation takes the place of the affine part
    w[name + ".weight"].shape = {d};
    if (c.bias) w[name + ".bias"].shape = {d};
  };
  const auto rest = [&](const std::string& name, std::size_t modulations) {
    linear(name + ".out", d, d, c.bias);
    norm(name + ".norm2");
    linear(name + ".mlp.up", hidden, d, c.bias);
    linear(name + ".mlp.down", d, hidden, c.bias);
    if (c.condition) linear(name + ".modulation", modulations * d, static_cast<std::size_t>(c.condition));
  };
  const auto transformer = [&](const std::string& name) {
    norm(name + ".norm1");
    linear(name + ".qkv", 3 * d, d, c.bias);
    rest(name, 6);
  };
  linear("pooling.message.0", d, c.message == Message::absolute ? 2 * d : d);
  linear("pooling.message.2", d, d);
  linear("pooling.merge", d, 2 * d);
  const auto features = [&](const std::string& name, int count) {
    if (count > 0) w[name + ".weight"].shape = {d, static_cast<std::size_t>(count)};
  };
  features("pooling.message_features", c.point_features());  // of the points that send messages
  features("pooling.own_features", c.point_features());      // of the supernodes
  for (int i = 0; i < c.geometry_blocks; ++i) transformer(core::str("geometry_blocks.", i));
  for (std::size_t i = 0; i < c.physics_blocks.size(); ++i) {
    const std::string name = core::str("physics_blocks.", i);
    if (c.physics_blocks[i] != 'p') {
      transformer(name);
      continue;
    }
    norm(name + ".norm_q");
    norm(name + ".norm_kv");
    linear(name + ".q", d, d, c.bias);
    linear(name + ".kv", 2 * d, d, c.bias);
    rest(name, 8);
  }
  for (const Branch b : {Branch::surface, Branch::volume}) {
    const std::string branch = physics::name(b);
    linear("branch." + branch + ".up", d, d);
    linear("branch." + branch + ".down", d, d);
    features("branch." + branch + ".features", c.features(static_cast<int>(b)));
    for (int i = 0; i < c.decoder_blocks[static_cast<int>(b)]; ++i)
      transformer(core::str("decoder_blocks.", branch, ".", i));
    linear("head." + branch, static_cast<std::size_t>(c.outputs[static_cast<int>(b)]), d);
  }
  return w;
}

Weights random_weights(const AbuptConfig& config, std::uint64_t seed) {
  Weights weights = expected_weights(config);
  for (auto& [name, tensor] : weights) {
    std::size_t size = 1;
    for (std::size_t n : tensor.shape) size *= n;
    const bool norm = name.find("norm") != std::string::npos && name.ends_with(".weight");
    tensor.values.assign(size, norm ? 1.0f : 0.0f);
    if (tensor.shape.size() < 2) continue;
    core::Rng rng(seed, name);
    for (float& value : tensor.values) {
      double x = rng.normal();
      while (std::abs(x) > 2) x = rng.normal();
      value = static_cast<float>(0.02 * x);
    }
  }
  return weights;
}

namespace {

bool is_modulation(const std::string& name) { return name.find(".modulation.") != std::string::npos; }

// The bias of a block's modulation with which it is as one without conditioning: scale = weight - 1 and shift = bias of
// the norms, gates 1. norm(name): weight (or bias) [d] of a norm of the block; empty: 1 (or 0).
std::vector<float> neutral_modulation(std::size_t parts, std::size_t d,
                                      const std::function<std::vector<float>(const char*, const char*)>& norm) {
  std::vector<float> bias(parts * d, 0.0f);
  const auto fill = [&](const char* name, std::size_t part) {
    const std::vector<float> weight = norm(name, "weight"), shift = norm(name, "bias");
    for (std::size_t i = 0; i < d; ++i) {
      if (!weight.empty()) bias[part * d + i] = weight[i] - 1;
      if (!shift.empty()) bias[(part + 1) * d + i] = shift[i];
    }
  };
  const bool perceiver = parts == 8;
  fill(perceiver ? "norm_q" : "norm1", 0);
  if (perceiver) fill("norm_kv", 2);
  const std::size_t gate = perceiver ? 4 : 2;
  fill("norm2", gate + 1);
  for (const std::size_t part : {gate, gate + 3})
    std::fill_n(bias.begin() + static_cast<std::ptrdiff_t>(part * d), d, 1.0f);
  return bias;
}

}  // namespace

Weights adopt_weights(const Weights& from, const AbuptConfig& config, const std::string& where) {
  Weights to = expected_weights(config);
  const std::size_t d = static_cast<std::size_t>(config.hidden);
  for (auto& [name, tensor] : to) {
    std::size_t size = 1;
    for (const std::size_t n : tensor.shape) size *= n;
    const auto found = from.find(name);
    if (found != from.end()) {
      if (found->second.shape != tensor.shape)
        throw core::Error(core::ErrorKind::input,
                          core::str(where, ": its weight '", name, "' has another shape than in the recipe's model"),
                          "start from a checkpoint of the same size, or from random weights");
      tensor.values = found->second.values;
    } else if (is_modulation(name) && tensor.shape.size() == 1) {
      const std::string block = name.substr(0, name.find(".modulation."));
      tensor.values = neutral_modulation(size / d, d, [&](const char* norm, const char* what) {
        const auto at = from.find(core::str(block, '.', norm, '.', what));
        return at == from.end() ? std::vector<float>() : at->second.values;
      });
    } else if (is_modulation(name) || name.ends_with("features.weight")) {
      tensor.values.assign(size, 0.0f);
    } else {
      throw core::Error(core::ErrorKind::input,
                        core::str(where, ": it has no weight '", name, "', which the recipe's model has"),
                        "start from a checkpoint of the same architecture, or from random weights");
    }
  }
  for (const auto& [name, tensor] : from)
    if (!to.contains(name) && !(config.condition && name.find(".norm") != std::string::npos))
      throw core::Error(core::ErrorKind::input,
                        core::str(where, ": its weight '", name, "' has no place in the recipe's model"),
                        "start from a checkpoint of the same architecture, or from random weights");
  return to;
}

Weights initial_weights(const AbuptConfig& config, std::uint64_t seed) {
  if (!config.condition) return random_weights(config, seed);
  AbuptConfig plain = config;
  plain.condition = 0;
  return adopt_weights(random_weights(plain, seed), config, "random weights");
}

}  // namespace streamtube::surrogate
