// divergence_check MODEL.h5 DATA.h5 CASE [POINTS]: how far the fields of a model are from free of divergence around one
// case, in double: the root mean squares of the divergence over that of the gradient,
//   vorticity as the curl of the velocity, its divergence by differences of the exact curl (or, where the
//     velocity is a curl itself, the same of the velocity),
//   the vorticity the network gives itself, and its velocity, their divergences exactly.
// Points: those of the case's volume, each displaced at random by up to a centimetre.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "core/runtime.hpp"
#include "mesh_io/h5/dataset.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "surrogate/model/abupt.dev.hpp"
#include "surrogate/train/dataset_case.hpp"
#include "surrogate/train/loader.hpp"

namespace {

using namespace streamtube;
using namespace streamtube::surrogate;
using Model = Abupt<double, HostSpace>;
using Double3x3 = std::array<std::array<double, 3>, 3>;  // [component][axis]

constexpr std::size_t kChunk = 2000;
// Network units. Differences to one side err by about half of it, since the shortest wave of the embedding is 2 pi
// long.
constexpr double kStep = 1e-6;

// Sums of squares of divergence and gradient.
struct Ratio {
  double divergence = 0, gradient = 0;
  void add(const Double3x3& j) {
    divergence += std::pow(j[0][0] + j[1][1] + j[2][2], 2);
    for (const auto& row : j)
      for (const double x : row) gradient += x * x;
  }
  double value() const { return std::sqrt(divergence / gradient); }
};

struct Encoded {
  Model model;
  core::Arena<HostSpace> arena;
  BackendSet backends;
  Context<HostSpace> context{HostSpace(), arena, backends};
  std::vector<double> points, anchors;
  Model::Case input;
  AnchorCache<double, HostSpace> cache;

  Encoded(const Checkpoint& c, const Batch& batch) : model(c.config, c.weights, c.name) {
    points.assign(batch.points.begin(), batch.points.end());
    for (int b = 0; b < 2; ++b) anchors.insert(anchors.end(), batch.positions[b].begin(), batch.positions[b].end());
    input.points = {points.data(), points.size() / 3, 3};
    input.supernodes = {batch.supernodes.data(), batch.supernodes.size()};
    input.neighbors = geometry::radius_search<double, HostSpace>(HostSpace(), input.points, input.supernodes,
                                                                 c.config.radius, c.config.max_degree);
    Model::Rows rows;
    for (int b = 0; b < 2; ++b) rows.anchors[b] = batch.anchors[b];
    cache.resize(c.config, static_cast<std::int64_t>(batch.supernodes.size()), rows.anchors[0], rows.anchors[1], true);
    std::vector<double> values[2];
    Mat<double, HostSpace> out[2];
    for (int b = 0; b < 2; ++b) {
      const std::size_t n = batch.positions[b].size() / 3, width = static_cast<std::size_t>(c.config.outputs[b]);
      values[b].resize(n * width);
      out[b] = {values[b].data(), n, width};
    }
    const auto pass = [&] {
      core::Arena<HostSpace>::Scope scope(arena);
      Mat<double, HostSpace> tokens =
          take<double>(context, batch.supernodes.size(), static_cast<std::size_t>(c.config.hidden));
      model.encode_geometry(context, input, tokens);
      model.forward(context, input, tokens, {anchors.data(), anchors.size() / 3, 3}, rows, cache, out);
    };
    arena.measure(pass);
    pass();
  }

  // [4 n][outputs] stacked.
  std::vector<double> tangents(const std::vector<double>& at) {
    const std::size_t n = at.size() / 3, width = static_cast<std::size_t>(model.config().outputs[1]);
    std::vector<double> out(4 * n * width);
    const auto pass = [&] {
      model.query_tangents(context, input, Branch::volume, {at.data(), n, 3}, cache, {out.data(), 4 * n, width});
    };
    arena.measure(pass);
    pass();
    HostSpace().fence();
    return out;
  }
};

int run(int argc, char** argv) {
  if (argc < 4) throw core::Error(core::ErrorKind::usage, "divergence_check MODEL.h5 DATA.h5 CASE [POINTS]");
  const core::Runtime runtime;
  const Checkpoint c = read_checkpoint(argv[1]);
  const mesh_io::Dataset data(argv[2]);
  char* rest = nullptr;
  const long long given = argc > 4 ? std::strtoll(argv[4], &rest, 10) : 100000;
  if ((rest && *rest) || given < 1)
    throw core::Error(core::ErrorKind::usage, core::str("'", argv[4], "' is no number of points"));
  const std::size_t count = static_cast<std::size_t>(given);
  const auto& cases = data.cases();
  const auto found = std::find_if(cases.begin(), cases.end(), [&](const auto& i) { return i.name == argv[3]; });
  if (found == cases.end())
    throw core::Error(core::ErrorKind::input, core::str("'", argv[2], "' has no case '", argv[3], "'"));
  const std::size_t index = static_cast<std::size_t>(found - cases.begin());

  DrawOptions draw;
  draw.geometry_points = c.sampling.geometry_points, draw.supernodes = c.sampling.supernodes;
  for (int b = 0; b < 2; ++b) draw.anchors[b] = c.sampling.anchors[b];
  draw.surface_by_area = true;
  Loader loader(data, {index}, {c.canonical_length, {body_length(data, index)}, c.conditions}, c.normalizer, c.config,
                draw, {}, 1, 0, 1, ~std::size_t{0});
  Encoded network(c, loader.next());

  const auto& statistics = c.normalizer[Branch::volume];
  const auto velocity = physics::find_field(statistics.fields, "velocity", 3),
             vorticity = physics::find_field(statistics.fields, "vorticity", 3);
  if (!velocity.spec || !vorticity.spec)
    throw core::Error(core::ErrorKind::input, core::str("'", argv[1], "' has no velocity or no vorticity"));
  const bool potential = velocity.spec->decoder == physics::Decoder::potential;
  const std::size_t width = statistics.mean.size(), u = static_cast<std::size_t>(velocity.first),
                    w = static_cast<std::size_t>(vorticity.first);

  const mesh_io::FlowSample sample = data.read(index);
  const std::vector<float>& position = sample.part[1].position;
  core::Rng rng(1, "divergence_check");
  Ratio curl, own, plain;
  for (std::size_t done = 0; done < count;) {
    const std::size_t n = std::min(kChunk, count - done);
    std::vector<Vec3> xyz(n);
    for (Vec3& x : xyz) {
      const std::size_t row = static_cast<std::size_t>(rng.below(position.size() / 3));
      for (int a = 0; a < 3; ++a)
        x[a] = position[3 * row + static_cast<std::size_t>(a)] + 0.01 * (2 * rng.uniform() - 1);
    }
    std::vector<float> rounded(3 * n);
    c.normalizer.normalize_positions(xyz.data(), n, rounded.data());
    const std::vector<double> at(rounded.begin(), rounded.end());
    const auto out = network.tangents(at);
    const auto slope = [&](const std::vector<double>& from, std::size_t q, std::size_t component, std::size_t axis) {
      return from[((axis + 1) * n + q) * width + component];
    };
    // Component i of the curl of the velocity (or its potential) in dimensionless units per network unit.
    const auto curl_at = [&](const std::vector<double>& from, std::size_t q, std::size_t i) {
      const std::size_t j = (i + 1) % 3, k = (i + 2) % 3;
      return statistics.std[u + k] * slope(from, q, u + k, j) - statistics.std[u + j] * slope(from, q, u + j, k);
    };
    std::vector<Double3x3> of_curl(n);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      std::vector<double> moved = at;
      for (std::size_t q = 0; q < n; ++q) moved[3 * q + axis] += kStep;
      const auto there = network.tangents(moved);
      for (std::size_t q = 0; q < n; ++q)
        for (std::size_t i = 0; i < 3; ++i) {
          const double step = moved[3 * q + axis] - at[3 * q + axis];
          of_curl[q][i][axis] = (curl_at(there, q, i) - curl_at(out, q, i)) / step;
        }
    }
    for (std::size_t q = 0; q < n; ++q) {
      curl.add(of_curl[q]);
      Double3x3 of_velocity, of_vorticity;
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t axis = 0; axis < 3; ++axis) {
          of_velocity[i][axis] = statistics.std[u + i] * slope(out, q, u + i, axis);
          const double value = out[q * width + w + i] * statistics.std[w + i] + statistics.mean[w + i];
          const double undone =
              vorticity.spec->transform == physics::Transform::signed_log ? std::exp(std::abs(value)) : 1.0;
          of_vorticity[i][axis] = undone * statistics.std[w + i] * slope(out, q, w + i, axis);
        }
      plain.add(of_velocity), own.add(of_vorticity);
    }
    done += n;
    std::fprintf(stderr, "%zu of %zu points\r", done, count);
  }
  std::printf("%s around %s, %zu points: |div| / |grad|\n", c.name.c_str(), argv[3], count);
  std::printf("  %-42s %.2e\n", potential ? "velocity, curl of the potential" : "vorticity, curl of the velocity",
              curl.value());
  std::printf("  %-42s %.2e\n", "vorticity, the network's own outputs", own.value());
  if (!potential) std::printf("  %-42s %.2e\n", "velocity, the network's own outputs", plain.value());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const core::Error& e) {
    std::fprintf(stderr, "divergence_check: %s\n", e.what());
    return core::exit_code(e.kind());
  }
}
