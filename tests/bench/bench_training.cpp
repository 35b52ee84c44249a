// Time of one training step (forward, loss, backward, clipping, AdamW, averaging) on random weights and targets.
// tests/bench/bench_training.py runs the PyTorch reference on the same shapes and the same input.
//
//   bench_training [--hidden 96] [--heads 3] [--blocks pscscs] [--decoders 2] [--points 4096] [--supernodes 1024]
//                  [--surface 1024] [--volume 1024] [--radius 9] [--repeat 10] [--threads 0] [--recompute 0] [--bf16 0]
//                  [--profile 1]  seconds per kernel label of the last repetition
//                  [--input FILE]
//
// --input: raw float32 file of points, surface anchors, volume anchors [n][3] one after the other; without it a
// synthetic ellipsoid.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/profiler.hpp"
#include "core/rng.hpp"
#include "core/runtime.hpp"
#include "surrogate/train/trainer.hpp"

namespace {

using namespace streamtube;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::vector<float> ellipsoid(std::size_t n, core::Rng& rng, double swell) {
  std::vector<float> x;
  for (std::size_t i = 0; i < n; ++i) {
    double p[3] = {rng.normal(), rng.normal(), rng.normal()};
    const double r = std::sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]), s = swell > 0 ? 1 + swell * rng.uniform() : 1;
    const double axes[3] = {87, 32, 24};
    for (int a = 0; a < 3; ++a) x.push_back(static_cast<float>(330 + axes[a] * s * p[a] / r));
  }
  return x;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, double> option = {{"hidden", 96},       {"heads", 3},      {"decoders", 2},  {"points", 4096},
                                          {"supernodes", 1024}, {"surface", 1024}, {"volume", 1024}, {"radius", 9},
                                          {"repeat", 10},       {"threads", 0},    {"recompute", 0}, {"bf16", 0},
                                          {"profile", 0}};
  std::string blocks = "pscscs", input;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i] + 2;
    if (name == "blocks")
      blocks = argv[i + 1];
    else if (name == "input")
      input = argv[i + 1];
    else if (!option.count(name))
      return std::fprintf(stderr, "unknown option --%s\n", name.c_str()), 2;
    else
      option[name] = std::atof(argv[i + 1]);
  }
  try {
    const core::Runtime runtime({.threads = static_cast<int>(option["threads"])});
    surrogate::AbuptConfig config;
    config.hidden = static_cast<int>(option["hidden"]), config.heads = static_cast<int>(option["heads"]);
    config.physics_blocks = blocks;
    config.decoder_blocks[0] = config.decoder_blocks[1] = static_cast<int>(option["decoders"]);
    config.radius = static_cast<float>(option["radius"]);
    surrogate::Batch batch;
    const std::size_t count[3] = {static_cast<std::size_t>(option["points"]),
                                  static_cast<std::size_t>(option["surface"]),
                                  static_cast<std::size_t>(option["volume"])};
    core::Rng rng(1, "bench");
    std::vector<float>* arrays[3] = {&batch.points, &batch.positions[0], &batch.positions[1]};
    std::ifstream file(input, std::ios::binary);
    for (int i = 0; i < 3; ++i) {
      *arrays[i] = ellipsoid(count[i], rng, i == 2 ? 1.5 : 0);
      if (!input.empty() && !file.read(reinterpret_cast<char*>(arrays[i]->data()),
                                       static_cast<std::streamsize>(arrays[i]->size() * sizeof(float))))
        return std::fprintf(stderr, "'%s' is too short\n", input.c_str()), 3;
    }
    const std::size_t supernodes = static_cast<std::size_t>(option["supernodes"]);
    for (std::size_t i = 0; i < supernodes; ++i)
      batch.supernodes.push_back(static_cast<std::int64_t>(i * count[0] / supernodes));
    std::vector<float> weight[2];
    for (int b = 0; b < 2; ++b) {
      const std::size_t columns = static_cast<std::size_t>(config.outputs[b]);
      batch.anchors[b] = static_cast<std::int64_t>(count[b + 1]);
      for (std::size_t i = 0; i < count[b + 1] * columns; ++i)
        batch.targets[b].push_back(static_cast<float>(rng.normal()));
      weight[b].assign(columns, 1.0f / 3);
    }
    surrogate::Trainer trainer(config, surrogate::random_weights(config, 1), {}, weight, option["recompute"] > 0,
                               "bench", option["bf16"] > 0 ? surrogate::Precision::bf16 : surrogate::Precision::fp32);
    std::vector<double> times;
    std::optional<core::Profiler> profiler;
    for (int i = 0; i < static_cast<int>(option["repeat"]) + 1; ++i) {
      if (option["profile"] > 0 && i == static_cast<int>(option["repeat"])) profiler.emplace();
      const double start = seconds();
      trainer.accumulate(batch, 1.0);
      trainer.update(1e-3);
      if (i > 0) times.push_back(seconds() - start);  // the first one measures and takes memory
    }
    std::sort(times.begin(), times.end());
    if (profiler)
      for (const auto& e : profiler->entries()) std::printf("%9.2f ms  %s\n", 1e3 * e.seconds, e.label.c_str());
    std::printf("%zu parameters\nstep: min %.4f  median %.4f  max %.4f s, peak memory %zu MiB\n", trainer.parameters(),
                times.front(), times[times.size() / 2], times.back(), core::peak_resident_memory() >> 20);
  } catch (const core::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return core::exit_code(error.kind());
  }
}
