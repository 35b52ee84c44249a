// Time of one forward (encode: geometry encoder and anchor pass) on random weights, stage by stage where it can be told
// apart from outside. tests/bench/bench_forward.py runs the PyTorch reference on the same shapes and the same input.
//
//   bench_forward [--hidden 192] [--heads 3] [--blocks pscscscscs] [--decoders 2] [--points 3586] [--supernodes 3586]
//                 [--profile 1]  seconds per kernel label of the last repetition
//                 [--surface 3586] [--volume 4096] [--radius 9] [--queries 0] [--repeat 5] [--threads 0] [--input FILE]
//                 [--gradient 1]  queries with the exact derivatives of their outputs as well
//
// --input: raw float32 file of points, surface anchors, volume anchors [n][3] one after the other, as bench_forward.py
// writes it; without it a synthetic ellipsoid.

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
#include "surrogate/model/surrogate.hpp"

namespace {

using namespace streamtube;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Multiplications and additions of one forward, the attention and the linear layers of the tokens.
double flop(const surrogate::AbuptConfig& c, double supernodes, double surface, double volume) {
  const double d = c.hidden, tokens = surface + volume, mlp = 2.0 * c.mlp_ratio * d * d;
  double total = c.geometry_blocks * (supernodes * 2 * (4 * d * d + mlp) + 4 * supernodes * supernodes * d);
  for (char kind : c.physics_blocks) {
    const double pairs = kind == 'p'   ? tokens * supernodes
                         : kind == 's' ? surface * surface + volume * volume
                         : kind == 'c' ? 2 * surface * volume
                                       : tokens * tokens;
    total += tokens * 2 * (4 * d * d + mlp) + 4 * pairs * d;
  }
  const double counts[2] = {surface, volume};
  for (int b = 0; b < 2; ++b)
    total += c.decoder_blocks[b] * (counts[b] * 2 * (4 * d * d + mlp) + 4 * counts[b] * counts[b] * d);
  return total;
}

std::vector<float> ellipsoid(std::size_t n, core::Rng& rng, double swell) {
  std::vector<float> x;
  for (std::size_t i = 0; i < n; ++i) {
    double p[3] = {rng.normal(), rng.normal(), rng.normal()};
    const double r = std::sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]), s = swell > 0 ? 1 + swell * rng.uniform() : 1;
    const double axes[3] = {210, 85, 65};
    for (int a = 0; a < 3; ++a) x.push_back(static_cast<float>(430 + axes[a] * s * p[a] / r));
  }
  return x;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> option = {{"hidden", "192"},   {"heads", "3"},     {"blocks", "pscscscscs"},
                                               {"decoders", "2"},   {"points", "3586"}, {"supernodes", "3586"},
                                               {"surface", "3586"}, {"volume", "4096"}, {"radius", "9"},
                                               {"queries", "0"},    {"repeat", "5"},    {"threads", "0"},
                                               {"input", ""},       {"profile", "0"},   {"gradient", "0"}};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strncmp(argv[i], "--", 2) || !option.count(argv[i] + 2)) {
      std::fprintf(stderr, "unknown option %s\n", argv[i]);
      return 2;
    }
    option[argv[i] + 2] = argv[i + 1];
  }
  const auto number = [&](const char* name) { return static_cast<std::size_t>(std::atof(option[name].c_str())); };
  try {
    const core::Runtime runtime({.threads = static_cast<int>(number("threads"))});
    surrogate::AbuptConfig c;
    c.hidden = static_cast<int>(number("hidden")), c.heads = static_cast<int>(number("heads"));
    c.physics_blocks = option["blocks"];
    c.decoder_blocks[0] = c.decoder_blocks[1] = static_cast<int>(number("decoders"));
    c.radius = static_cast<float>(std::atof(option["radius"].c_str()));
    const std::size_t points = number("points"), surface = number("surface"), volume = number("volume"),
                      queries = number("queries");
    core::Rng rng(1, "bench_forward");
    std::vector<float> x = ellipsoid(points, rng, 0), s = ellipsoid(surface, rng, 0), v = ellipsoid(volume, rng, 1);
    if (!option["input"].empty()) {
      std::ifstream file(option["input"], std::ios::binary);
      for (auto* part : {&x, &s, &v})
        file.read(reinterpret_cast<char*>(part->data()), static_cast<std::streamsize>(part->size() * 4));
      if (!file) throw core::Error(core::ErrorKind::input, option["input"] + ": too short");
    }
    std::vector<std::int64_t> supernodes(number("supernodes"));
    for (std::size_t i = 0; i < supernodes.size(); ++i) supernodes[i] = static_cast<std::int64_t>(i);

    surrogate::Surrogate model(c, surrogate::random_weights(c, 1), "bench");
    const surrogate::EncodeInput input{x, supernodes, {s, v}, {}};
    std::vector<double> times, query_times, gradient_times, ratios;
    // Queries come in slabs, so that what they take is the surrogate's own memory and not the list of them.
    constexpr std::size_t slab = 100000;
    const std::vector<float> where = ellipsoid(std::min(queries, slab), rng, 1);
    const std::size_t width = static_cast<std::size_t>(c.outputs[1]);
    std::vector<float> out(std::min(queries, slab) * width), gradient(number("gradient") ? 3 * out.size() : 0);
    std::optional<core::Profiler> profiler;
    for (std::size_t i = 0; i <= number("repeat"); ++i) {
      profiler.reset();
      if (number("profile")) profiler.emplace();
      double start = seconds();
      model.encode(input);
      if (i) times.push_back(seconds() - start);
      if (!queries) continue;
      start = seconds();
      const auto all_queries = [&](bool with_gradient) {
        start = seconds();
        for (std::size_t first = 0; first < queries; first += slab) {
          const std::size_t n = std::min(slab, queries - first);
          if (with_gradient)
            model.query_gradient(physics::Branch::volume, {where.data(), 3 * n}, {out.data(), n * width},
                                 {gradient.data(), 3 * n * width});
          else
            model.query(physics::Branch::volume, {where.data(), 3 * n}, {out.data(), n * width});
        }
        return seconds() - start;
      };
      const double plain = all_queries(false);
      if (i) query_times.push_back(plain);
      if (gradient.empty()) continue;
      profiler.reset();
      if (number("profile")) profiler.emplace();
      const double slow = all_queries(true);
      if (i) gradient_times.push_back(slow), ratios.push_back(slow / plain);
    }
    const double work =
        flop(c, static_cast<double>(supernodes.size()), static_cast<double>(surface), static_cast<double>(volume));
    std::sort(times.begin(), times.end());
    std::printf("forward: min %.3f s, median %.3f s; %.0f GFLOP, %.0f GFLOP/s (median); %zu parameters\n",
                times.front(), times[times.size() / 2], work / 1e9, work / 1e9 / times[times.size() / 2],
                model.parameters());
    if (profiler)
      for (const auto& e : profiler->entries()) std::printf("  %7.4f s  %s\n", e.seconds, e.label.c_str());
    if (queries) {
      std::sort(query_times.begin(), query_times.end());
      std::printf("queries: %zu in %.3f s (median), %.2f us each; peak resident %.0f MiB\n", queries,
                  query_times[query_times.size() / 2],
                  query_times[query_times.size() / 2] / static_cast<double>(queries) * 1e6,
                  static_cast<double>(core::peak_resident_memory()) / 1048576);
    }
    if (!ratios.empty()) {
      std::sort(gradient_times.begin(), gradient_times.end());
      std::sort(ratios.begin(), ratios.end());
      std::printf(
          "with derivatives: %.2f us each (median), %.2f / %.2f / %.2f times a plain query (min, median, max)\n",
          gradient_times[gradient_times.size() / 2] / static_cast<double>(queries) * 1e6, ratios.front(),
          ratios[ratios.size() / 2], ratios.back());
    }
    return 0;
  } catch (const core::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return core::exit_code(error.kind());
  }
}
