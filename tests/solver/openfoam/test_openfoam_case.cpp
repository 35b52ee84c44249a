#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "geometry/distance.hpp"
#include "geometry/generators.hpp"
#include "geometry/surface_report.hpp"
#include "mesh_io/mesh_io.hpp"
#include "solver/openfoam/openfoam_case.hpp"
#include "solver/openfoam/openfoam_engine.hpp"
#include "solver/range_check.hpp"
#include "tests/support/fake_openfoam.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temp_dir.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using test::message_of;
using test::TempDir;

namespace {

solver::Case case_of(geometry::SurfaceMesh body) {
  solver::Case out;
  out.name = "body.stl";
  out.body = std::move(body);
  out.report = geometry::report(out.body);
  out.flow = {15, 2.0, 1.5e-5};
  out.volume = solver::VolumeOutput::adaptive;
  return out;
}

}  // namespace

TEST_CASE("the standard Ahmed body is the sample geometry", "[generators]") {
  const auto body = geometry::ahmed_body({});
  const auto sample =
      mesh_io::read_surface(std::string(STREAMTUBE_SOURCE_DIR) + "/data_samples/geometries/ahmed_25deg.stl");
  const geometry::DistanceField to_sample(sample), to_body(body.mesh);
  double most = 0;
  for (const Vec3& p : body.mesh.points) most = std::max(most, to_sample.distance(p));
  for (const Vec3& p : sample.points) most = std::max(most, to_body.distance(p));
  CHECK(most < 1e-6);  // single precision of the STL
  CHECK(body.mesh.face_count() == sample.face_count());
}

TEST_CASE("simpleFoam's log is read as it grows", "[openfoam]") {
  const TempDir dir;
  const std::string first =
      "Time = 1\n\nsmoothSolver:  Solving for Ux, Initial residual = 1, Final residual = 0.01, No Iterations 3\n"
      "GAMG:  Solving for p, Initial residual = 0.5, Final res";
  solver::FoamLog log(dir.write("log", first));
  log.read();
  CHECK(log.iterations() == 1);
  CHECK(log.residual("p") == -1);  // its line is not complete yet
  dir.write(
      "log",
      first +
          "idual = 0.001, No Iterations 3\nTime = 2\nsmoothSolver:  Solving for Uz, Initial residual = 2e-05, Final\n");
  log.read();
  CHECK(log.time() == 2);
  CHECK(log.residual("p") == 0.5);
  CHECK(log.velocity_residual() == 1);
  CHECK_FALSE(log.diverged());
  dir.write(
      "log",
      first +
          "idual = 0.001, No Iterations 3\nTime = 2\nsmoothSolver:  Solving for Uz, Initial residual = 2e-05, Final\n"
          "GAMG:  Solving for p, Initial residual = -nan, Final residual = nan, No Iterations 1000\n");
  log.read();
  CHECK(log.diverged());
}

TEST_CASE("forces of iterations that were computed twice: the later ones", "[openfoam]") {
  const TempDir dir;
  for (const char* start : {"0", "2"})
    std::filesystem::create_directories(dir.path() / "postProcessing/forces" / start);
  dir.write("postProcessing/forces/0/force.dat",
            "# Time\n1 (9 9 9) (1 0 0) (0 0 0)\n2 (9 9 9) (2 0 0) (0 0 0)\n3 (9 9 9) (3 0 0) (0 0 0)\n4 (9 9 9) (4 0");
  dir.write("postProcessing/forces/2/force.dat", "3 (9 9 9) (30 1 2) (5 6 7)\n");
  const auto rows = solver::read_forces(dir.path().string());
  REQUIRE(rows.size() == 3);
  CHECK(rows[1].pressure[0] == 2);
  CHECK(rows[2].pressure == Vec3{30, 1, 2});
  CHECK(rows[2].friction == Vec3{5, 6, 7});
}

TEST_CASE("a solution is read back in SI, whole, with the shear stress on the body", "[openfoam]") {
  const TempDir dir;
  const test::FakeOpenFoam fake(dir.path() / "fake");
  fake.mode("converges");
  auto question = case_of(fake.body());
  question.reference_area = 0.12;
  solver::OpenFoamOptions options;
  options.folder = dir.file("case");
  options.progress = false;
  const auto s = solver::OpenFoamEngine(options).solution(question);
  CHECK(s.run.converged);
  CHECK(s.run.iterations == 50);  // 30 to the residual, 20 averaged
  CHECK(s.coefficients.pressure.drag == Approx(fake.kCdPressure));
  CHECK(s.coefficients.friction.drag == Approx(fake.kCdFriction));
  CHECK(s.cd_deviation < 1e-12);

  options.resume = true;
  question.surface = test::box_mesh(fake.mesh.body_low, fake.mesh.body_high, 3);
  const auto answer = solver::OpenFoamEngine(options).solve(question);
  CHECK(answer.doubts.empty());
  // The asked surface has what is on the mesh there.
  REQUIRE(answer.mapped.face_count() == 108);
  CHECK(answer.mapped.attributes.back().name == "distance_to_mesh");
  for (std::size_t f = 0; f < 108; ++f) {
    const double x = answer.mapped.centroid(f)[0];
    CHECK(answer.mapped.attributes[0].values[f] == Approx(x < 1e-9 ? 160 : x > 1 - 1e-9 ? -40 : 0));
    CHECK(answer.mapped.attributes[2].values[3 * f] == Approx(x < 1e-9 || x > 1 - 1e-9 ? 0 : 1));
    CHECK(answer.mapped.attributes.back().values[f] < 1e-6);
  }
  CHECK(answer.forces.coefficients.pressure.drag == Approx(fake.kCdPressure));
  CHECK(answer.forces.coefficients.friction.drag == Approx(fake.kCdFriction));
  CHECK(answer.forces.coefficients.cs() == Approx(0).margin(1e-12));
  REQUIRE(answer.surface.face_count() == 10);
  answer.surface.check("surface");
  const auto& pressure = answer.surface.attributes[0];
  double lowest = 1e9, highest = -1e9;
  for (std::size_t f = 0; f < 10; ++f) {
    CHECK(dot(answer.surface.area_vector(f), answer.surface.centroid(f) - Vec3{0.5, 0, 0.2}) > 0);
    lowest = std::min<double>(lowest, pressure.values[f]), highest = std::max<double>(highest, pressure.values[f]);
  }
  CHECK(lowest == Approx(-40));  // Pa, at 2 kg/m3
  CHECK(highest == Approx(160));
  REQUIRE(answer.volume.cell_count() == 34);
  // Cell 3 and its image: velocity mirrored as a vector, vorticity as an axial one.
  const auto& velocity = answer.volume.attributes[2].values;
  const auto& vorticity = answer.volume.attributes[3].values;
  CHECK(velocity[3 * 3 + 1] == Approx(0.3));
  CHECK(velocity[3 * 20 + 1] == Approx(-0.3));
  CHECK(vorticity[3 * 20] == -1);
  CHECK(vorticity[3 * 20 + 1] == 2);
  CHECK(vorticity[3 * 20 + 2] == -3);

  solver::SampleOptions sample;
  sample.volume_points = 5;
  sample.box = {{-10, -10, -10}, {10, 10, 10}};
  auto row = solver::to_sample(s, question, sample);
  row.info.name = "run_1";
  CHECK(row.part[0].rows() == 10);
  CHECK(row.part[1].rows() == 5);
  CHECK(row.info.quality.at("yplus_median") == fake.kPlus);
  CHECK(mesh_io::find_fault(row, solver::openfoam_dataset_header().fields).empty());
}

TEST_CASE("what is doubtful is kept and told, or rejected where one is strict", "[openfoam]") {
  const TempDir dir;
  const test::FakeOpenFoam fake(dir.path() / "fake");
  fake.mode("converges");
  auto question = case_of(fake.body());
  question.reference_area = 0.12;
  solver::OpenFoamOptions options;
  options.progress = false;
  options.folder = dir.file("kept");
  options.most_cd = 0.5;  // it has 0.94
  const auto kept = solver::OpenFoamEngine(options).solution(question);
  REQUIRE(kept.doubts.size() == 1);
  CHECK_THAT(kept.doubts[0], ContainsSubstring("Cd is 0.94"));
  CHECK_THAT(kept.run.warnings.back(), ContainsSubstring("doubtful: Cd is 0.94"));
  options.folder = dir.file("strict");
  options.strict = true;
  CHECK_THAT(message_of([&] { solver::OpenFoamEngine(options).solution(question); }),
             ContainsSubstring("rejected: Cd is 0.94"));
}

TEST_CASE("a mesh without the body's surface is noticed before it is solved", "[openfoam]") {
  const TempDir dir;
  const test::FakeOpenFoam fake(dir.path() / "fake");
  fake.mode("converges");
  solver::OpenFoamOptions options;
  options.progress = false;
  // The mesh is of a box with 1.64 m2. This one has 1.848 m2.
  const auto larger = case_of(test::box_mesh({0, -0.24, 0.05}, {1, 0.24, 0.35}, 4));
  options.folder = dir.file("larger");
  const auto kept = solver::OpenFoamEngine(options).solution(larger);
  REQUIRE(kept.run.warnings.size() == 1);
  // 0.03 / (1 - 1.64 / 1.848) of 0.008125 m
  CHECK_THAT(kept.run.warnings[0], ContainsSubstring("1.64 m2 of the body's 1.848 m2") &&
                                       ContainsSubstring("11 % less") && ContainsSubstring("--cell 0.0021 would do"));
  options.folder = dir.file("strict");
  options.strict = true;
  const std::string before = fake.calls();
  CHECK_THAT(message_of([&] { solver::OpenFoamEngine(options).solution(larger); }),
             ContainsSubstring("it was not meshed well"));
  CHECK(fake.calls() == before + "snappyHexMesh\n");
  options.strict = false;
  options.folder = dir.file("other");
  const auto other = case_of(test::box_mesh({0, -0.6, 0.05}, {1, 0.6, 0.85}, 4));
  CHECK_THAT(message_of([&] { solver::OpenFoamEngine(options).solution(other); }),
             ContainsSubstring("it is no mesh of this body"));
  CHECK(fake.calls() == before + "snappyHexMesh\nsnappyHexMesh\n");
}
