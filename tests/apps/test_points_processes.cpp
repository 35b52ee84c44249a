// predict --points by several processes, started by mpirun.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <limits>

#include "core/json.hpp"
#include "core/rng.hpp"
#include "mesh_io/h5/point_file.hpp"
#include "mesh_io/mesh_io.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/apps/program.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/tiny_model.hpp"

using namespace streamtube;
using Catch::Matchers::ContainsSubstring;
using test::content;
using test::TempDir;

namespace {

using Words = std::vector<std::string>;

Words mpirun(const std::string& n, const Words& words) {
  Words command = {STREAMTUBE_MPIEXEC, "-n", n, STREAMTUBE_PROGRAM};
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

Words predict(const std::string& out) {
  return {"predict", "body.stl", "--model", "tiny.h5", "--points", "p.h5", "--out", out, "--threads", "1"};
}

void write(const TempDir& dir, bool broken) {
  core::Rng rng(3, "points");
  std::vector<Vec3> surface(140'000), volume(70'000);
  for (auto* points : {&surface, &volume})
    for (Vec3& p : *points) p = {4 * rng.uniform() - 1, 2 * rng.uniform() - 1, rng.uniform()};
  std::vector<Vec3> areas(surface.size());
  for (Vec3& a : areas) a = {1e-5 * (rng.uniform() - 0.5), 1e-5 * rng.uniform(), 1e-5 * rng.uniform()};
  if (broken) surface.back()[1] = std::numeric_limits<double>::quiet_NaN();  // of the second process
  auto file = mesh_io::H5File::create(dir.file("p.h5"));
  mesh_io::write_points(file, physics::Branch::surface, surface, areas);
  mesh_io::write_points(file, physics::Branch::volume, volume);
  file.close();
}

}  // namespace

TEST_CASE("several processes write what one writes") {
  const TempDir dir;
  mesh_io::write_stl(dir.file("body.stl"), test::box_mesh({0, -0.3, 0.1}, {1, 0.3, 0.5}, 6));
  auto model = test::tiny_model();
  surrogate::write_checkpoint(dir.file("tiny.h5"), model);
  write(dir, false);
  const auto run = [&](const Words& words) { return test::run_command(dir, words, [] { return false; }); };
  auto r = test::run_program(dir, predict("one"));
  INFO(r.err);
  REQUIRE(r.code == 0);
  for (const char* n : {"2", "3"}) {
    r = run(mpirun(n, predict(n)));
    INFO(r.err);
    REQUIRE(r.code == 0);
    for (const char* name : {"/surface.hdf", "/volume.hdf", "/forces.json"})
      CHECK(content(dir.file("one") + name) == content(dir.file(n) + name));
  }
  CHECK(core::parse_json(content(dir.file("one/forces.json")))["points"]["integration_points"] == 140'000);

  r = run(mpirun("2", {"predict", "body.stl", "--model", "tiny.h5", "--out", "none"}));
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("only the points of --points are shared out"));
  write(dir, true);
  r = run(mpirun("2", predict("broken")));
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("'/surface/positions' row 139999 (counted from 0): y is not a number"));
  CHECK(!std::filesystem::exists(dir.file("broken")));
}
