// points, predict --points and streamtube-core from the outside.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <vtkDataArray.h>
#include <vtkHDFReader.h>
#include <vtkNew.h>
#include <vtkPointData.h>
#include <vtkUnstructuredGrid.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>

#include "core/json.hpp"
#include "core/rng.hpp"
#include "mesh_io/h5/point_file.hpp"
#include "mesh_io/mesh_io.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/apps/program.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/tiny_model.hpp"

namespace fs = std::filesystem;
using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using json = core::Json;
using test::content;
using test::Outcome;
using test::TempDir;

namespace {

using Words = std::vector<std::string>;

// body.stl, tiny.h5 and random.h5 with `n` points in the volume.
void prepare(const TempDir& dir, std::size_t n) {
  mesh_io::write_stl(dir.file("body.stl"), test::box_mesh({0, -0.3, 0.1}, {1, 0.3, 0.5}, 20));
  auto model = test::tiny_model();
  surrogate::write_checkpoint(dir.file("tiny.h5"), model);
  core::Rng rng(3, "points");
  std::vector<Vec3> points(n);
  for (Vec3& p : points) p = {4 * rng.uniform() - 1, 2 * rng.uniform() - 1, rng.uniform()};
  auto file = mesh_io::H5File::create(dir.file("random.h5"));
  mesh_io::write_points(file, physics::Branch::volume, points);
  file.close();
}

Words predict(const std::string& points, const std::string& out, const Words& more = {}) {
  Words words = {"predict", "body.stl", "--model", "tiny.h5", "--points", points, "--out", out, "--threads", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Outcome run_core(const TempDir& dir, Words words) {
  words.insert(words.begin(), STREAMTUBE_CORE_PROGRAM);
  return test::run_command(dir, words, [] { return false; });
}

bool empty_but(const fs::path& folder, const Words& names) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (std::find(names.begin(), names.end(), entry.path().filename().string()) == names.end()) return false;
  return true;
}

}  // namespace

TEST_CASE("points of meshes, predicted by both programs alike, open in VTK") {
  const TempDir dir;
  prepare(dir, 10);
  auto r = test::run_program(dir, {"predict", "body.stl", "--model", "tiny.h5", "--volume", "grid", "--cell", "0.2",
                                   "--out", "plain", "--threads", "1"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  r = test::run_program(dir, {"points", "case.h5", "--surface", "body.stl", "--volume", "plain/volume.vtu", "--prepare",
                              "body.stl", "--model", "tiny.h5"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK_THAT(r.out,
             ContainsSubstring("4800 surface points with areas") && ContainsSubstring("prepared for the model 'tiny'"));
  CHECK(test::run_program(dir, {"points", "case.h5", "--surface", "body.stl"}).code == 2);  // it is there already

  r = test::run_program(dir, predict("case.h5", "streamed", {"--surface", "body.stl", "--json"}));
  INFO(r.err);
  REQUIRE(r.code == 0);
  const json result = core::parse_json(r.out);
  CHECK(result["points"]["surface"] == 4800);
  CHECK(double(result["points"]["coefficients"]["Cd"]["total"]) ==
        Approx(double(result["coefficients"]["Cd"]["total"])).epsilon(1e-6));
  CHECK(empty_but(dir.path() / "streamed", {"centre_line.csv", "surface.vtp", "surface.hdf", "volume.hdf",
                                            "forces.json", "results.pvd", "run.json"}));

  r = run_core(dir, {"predict", "case.h5", "--model", "tiny.h5", "--out", "lean", "--threads", "1"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("body.stl, model tiny") && ContainsSubstring("Cd"));
  for (const char* name : {"surface.hdf", "volume.hdf"})
    CHECK(content(dir.file(std::string("streamed/") + name)) == content(dir.file(std::string("lean/") + name)));
  CHECK(run_core(dir, {"predict", "case.h5", "--model", "tiny.h5", "--out", "lean"}).code == 2);
  r = run_core(dir, {"predict", "case.h5"});  // another model
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("was prepared for the model 'tiny'"));
  r = run_core(dir, {"predict", "random.h5", "--model", "tiny.h5"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("no prepared geometry"));
  CHECK(run_core(dir, {"inspect", "tiny.h5"}).code == 0);

  const auto mesh = mesh_io::read_volume(dir.file("plain/volume.vtu"));
  const auto velocity =
      std::find_if(mesh.attributes.begin(), mesh.attributes.end(), [](const auto& a) { return a.name == "velocity"; });
  vtkNew<vtkHDFReader> reader;
  REQUIRE(reader->CanReadFile(dir.file("streamed/volume.hdf").c_str()));
  reader->SetFileName(dir.file("streamed/volume.hdf").c_str());
  reader->Update();
  auto* grid = vtkUnstructuredGrid::SafeDownCast(reader->GetOutputDataObject(0));
  REQUIRE(grid);
  REQUIRE(grid->GetNumberOfPoints() == static_cast<vtkIdType>(mesh.cell_count()));
  CHECK(grid->GetNumberOfCells() == grid->GetNumberOfPoints());
  CHECK(grid->GetPointData()->GetArray("Cp"));
  vtkDataArray* read = grid->GetPointData()->GetArray("velocity");
  REQUIRE(read);
  bool same = true;
  for (vtkIdType i = 0; i < grid->GetNumberOfPoints(); ++i) {
    const Vec3 center = mesh.center(static_cast<std::size_t>(i));
    for (int c = 0; c < 3; ++c) {
      same &= float(read->GetComponent(i, c)) == velocity->values[static_cast<std::size_t>(3 * i + c)];
      same &= float(grid->GetPoint(i)[c]) == float(center[static_cast<std::size_t>(c)]);
    }
    same &= grid->GetCellType(i) == 1;
  }
  CHECK(same);
}

TEST_CASE("what --points cannot do is said, and nothing is left") {
  const TempDir dir;
  prepare(dir, 400'000);
  const auto fails = [&](const Words& words, int code, const std::string& says) {
    const Outcome r = test::run_program(dir, words);
    CHECK(r.code == code);
    CHECK_THAT(r.err, ContainsSubstring(says));
    CHECK(!fs::exists(dir.file("out")));
  };
  fails(predict("tiny.h5", "out"), 3, "has neither '/surface/positions' nor '/volume/positions'");
  fails(predict("nothing.h5", "out"), 3, "there is no such file");
  fails(predict("body.stl", "out"), 3, "is not an HDF5 file");
  fails(predict("random.h5", "out", {"--evaluation", "chunked-anchors"}), 2, "chunked anchors");
  const Outcome plan = test::run_program(dir, predict("random.h5", "out", {"--dry-run"}));
  CHECK(plan.code == 0);
  CHECK_THAT(plan.out, ContainsSubstring("400000 points, to volume.hdf") && ContainsSubstring("MiB for these points"));

  // While another is at work the next is refused; what a killed one has left it removes.
  fs::create_directories(dir.file("kept/.partial-1"));
  dir.write("kept/.partial-1/volume.hdf", "half");
  const int other = open(dir.write("kept/.lock", "").c_str(), O_RDWR);
  REQUIRE(flock(other, LOCK_EX | LOCK_NB) == 0);
  prepare(dir, 100);
  const Outcome refused = test::run_program(dir, predict("random.h5", "kept"));
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, ContainsSubstring("another run is writing"));
  CHECK(fs::exists(dir.file("kept/.partial-1/volume.hdf")));
  close(other);
  const Outcome next = test::run_program(dir, predict("random.h5", "kept"));
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK(!fs::exists(dir.file("kept/.partial-1")));
  CHECK(!fs::exists(dir.file("kept/.lock")));
  prepare(dir, 400'000);

  // Interrupted once the file grows.
  const Outcome stopped = test::run_program(dir, predict("random.h5", "out"), [&] {
    if (!fs::exists(dir.file("out"))) return false;
    for (const auto& entry : fs::recursive_directory_iterator(dir.file("out")))
      if (entry.path().extension() == ".hdf" && entry.file_size() > 2'000'000) return true;
    return false;
  });
  CHECK(stopped.code == 130);
  CHECK(!fs::exists(dir.file("out")));
}
