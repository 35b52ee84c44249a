// bench_points FOLDER CONFIG SURFACE VOLUME: model.h5 and points.h5 in FOLDER, for measurements of any number of points
// where there is neither a mesh nor a trained model: random weights in the sizes of CONFIG (least, or as bench
// --config takes it), a prepared case and so many random points. tests/bench/points.sh uses it.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/error.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "solver/points/prepared_case.hpp"
#include "surrogate/model/made_up_case.hpp"
#include "tests/support/tiny_model.hpp"

namespace {

using namespace streamtube;
using core::Error;
using core::ErrorKind;
using core::str;

constexpr std::size_t kSlab = std::size_t{1} << 20;

std::size_t count_of(const char* text) {
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  if (*end || !(value >= 0 && value < 1e12))
    throw Error(ErrorKind::usage, str("'", text, "' is not a number of points"), "for example 1e6");
  return static_cast<std::size_t>(value);
}

surrogate::NamedConfiguration configuration(const std::string& name) {
  if (name == "least") {  // next to no work, so that what is measured are reading, writing and memory
    surrogate::AbuptConfig config;
    config.hidden = 8, config.heads = 2, config.physics_blocks = "p";
    config.decoder_blocks[0] = config.decoder_blocks[1] = 1, config.radius = 60;
    return {name, config, {200, 8, {8, 8}}, {174, 65, 48}};
  }
  for (const auto& known : surrogate::named_configurations())
    if (known.name == name) return known;
  throw Error(ErrorKind::usage, str("there is no configuration '", name, "'"),
              "use least, ahmed, shapenet_car, ahmedml or drivaerml");
}

std::vector<Vec3> metres(const physics::Normalizer& normalizer, const std::vector<float>& network) {
  std::vector<Vec3> out(network.size() / 3);
  for (std::size_t i = 0; i < network.size(); ++i)
    out[i / 3][i % 3] =
        normalizer.position_origin + normalizer.position_extent / physics::kNetworkExtent * double{network[i]};
  return out;
}

void make(const std::string& folder, const std::string& name, const std::array<std::size_t, 2>& points) {
  surrogate::Checkpoint model = test::tiny_model();  // its fields and normaliser
  const auto known = configuration(name);
  model.name = name, model.config = known.config;
  model.weights = surrogate::random_weights(known.config, 1);
  model.sampling.geometry_points = static_cast<std::size_t>(known.shape.points);
  model.sampling.supernodes = static_cast<std::size_t>(known.shape.supernodes);
  for (int b = 0; b < 2; ++b) model.sampling.anchors[b] = static_cast<std::size_t>(known.shape.anchors[b]);
  // Whatever is drawn lies in the domain.
  const double low = model.normalizer.position_origin, high = low + model.normalizer.position_extent;
  model.domain.low = {low, low, low}, model.domain.high = {high, high, high};
  model.sampling.volume_mesh.domain = model.domain;
  std::filesystem::create_directories(folder);
  surrogate::write_checkpoint(folder + "/model.h5", model);

  const surrogate::MadeUpCase made(known.config, known.shape, known.body);
  solver::PreparedCase prepared;
  prepared.name = "made up", prepared.model = model.name, prepared.model_fingerprint = model.fingerprint;
  prepared.flow = {model.reference.velocity, model.reference.density, model.reference.kinematic_viscosity};
  prepared.points = metres(model.normalizer, made.points), prepared.supernodes = made.supernodes;
  for (int b = 0; b < 2; ++b) prepared.anchors[b] = metres(model.normalizer, made.anchors[b]);
  prepared.reference.scales = {model.reference.velocity, model.reference.density, 1, 1};

  const std::string path = folder + "/points.h5", set[2] = {"/surface/positions", "/volume/positions"};
  {
    auto file = mesh_io::H5File::create(path);
    for (std::size_t b = 0; b < 2; ++b)
      if (points[b]) file.allocate(set[b], {points[b], 3});
    solver::write_prepared(file, prepared);
    file.close();
  }
  std::fstream raw(path, std::ios::in | std::ios::out | std::ios::binary);
  for (std::size_t b = 0; b < 2; ++b) {
    if (!points[b]) continue;
    raw.seekp(static_cast<std::streamoff>(mesh_io::H5File::open(path).place(set[b])));
    for (std::size_t begin = 0; begin < points[b]; begin += kSlab) {
      const auto drawn = surrogate::MadeUpCase::draw(static_cast<std::int64_t>(std::min(kSlab, points[b] - begin)),
                                                     known.body, b == 1, str(set[b], begin));
      std::vector<float> out;
      for (const Vec3& p : metres(model.normalizer, drawn))
        for (const double x : p) out.push_back(static_cast<float>(x));
      raw.write(reinterpret_cast<const char*>(out.data()), static_cast<std::streamsize>(out.size() * sizeof(float)));
    }
  }
  raw.close();
  if (!raw) throw Error(ErrorKind::runtime, str("cannot write '", path, "'"), "is the disk full?");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: bench_points FOLDER CONFIG SURFACE VOLUME\n");
    return 2;
  }
  try {
    const std::array<std::size_t, 2> points = {count_of(argv[3]), count_of(argv[4])};
    if (points[0] + points[1] == 0) throw Error(ErrorKind::usage, "no points");
    make(argv[1], argv[2], points);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return core::exit_code(error.kind());
  }
}
