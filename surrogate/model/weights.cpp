// The tensors of a model by name, as PyTorch's state_dict of the published architecture names them.

#include <cmath>

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

}  // namespace streamtube::surrogate
