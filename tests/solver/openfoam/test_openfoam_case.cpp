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

std::string value(const solver::OpenFoamSetup& setup, const std::string& key) {
  for (const auto& [name, text] : setup.values)
    if (name == key) return text;
  FAIL("no value " << key);
  return {};
}

solver::OpenFoamSetup setup_of(const solver::Case& question, const solver::OpenFoamOptions& options = {}) {
  return solver::openfoam_setup(question, solver::reference_quantities(question), options);
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

TEST_CASE("the set-up of the standard body is that of the training data", "[openfoam]") {
  const auto question = case_of(geometry::ahmed_body({}).mesh);
  const auto setup = setup_of(question);
  CHECK(setup.half);
  CHECK(setup.scale == 1);
  CHECK(setup.blocks == std::array<int, 3>{69, 15, 15});
  for (const auto& [key, text] : std::vector<std::pair<std::string, std::string>>{{"x0", "-2.86"},
                                                                                  {"x1", "6.11"},
                                                                                  {"y0", "0"},
                                                                                  {"y1", "1.95"},
                                                                                  {"z1", "1.95"},
                                                                                  {"velocity", "15"},
                                                                                  {"nu", "1.5e-05"},
                                                                                  {"k", "0.0084375"},
                                                                                  {"omega", "112.5"},
                                                                                  {"nut", "7.5e-05"},
                                                                                  {"near_max", "1.944 0.3345 0.498"},
                                                                                  {"wake_max", "1.494 0.2245 0.368"},
                                                                                  {"far_max", "3.244 0.6445 0.738"},
                                                                                  {"inside", "-1.0123 0.5123 0.5123"}})
    CHECK(value(setup, key) == text);
}

TEST_CASE("the wind tunnel grows with the body, in steps of two", "[openfoam]") {
  auto body = geometry::ahmed_body({}).mesh;
  for (Vec3& p : body.points) p = 4.0 * p;
  const auto setup = setup_of(case_of(body));
  CHECK(setup.scale == 4);
  CHECK(setup.base == Approx(0.52));
  CHECK(setup.blocks == std::array<int, 3>{69, 15, 15});
  solver::OpenFoamOptions options;
  options.cell = 0.01;
  CHECK(setup_of(case_of(geometry::ahmed_body({}).mesh), options).blocks == std::array<int, 3>{56, 12, 12});
}

TEST_CASE("bodies that are not their own mirror image are computed whole", "[openfoam]") {
  auto body = test::box_mesh({0, -0.2, 0.05}, {1, 0.2, 0.35}, 8);
  CHECK(solver::is_symmetric(body));
  for (Vec3& p : body.points)
    if (p[0] > 0.9 && p[1] > 0) p[2] += 0.1;
  CHECK_FALSE(solver::is_symmetric(body));
  const auto question = case_of(body);
  const auto setup = setup_of(question);
  CHECK_FALSE(setup.half);
  CHECK(setup.blocks[1] == 30);
  CHECK(value(setup, "y0") == "-1.95");
  CHECK_THAT(value(setup, "low_y"), ContainsSubstring("other_side"));
  solver::OpenFoamOptions options;
  options.symmetry = solver::Symmetry::half;
  CHECK_THAT(message_of([&] { setup_of(question, options); }), ContainsSubstring("not its own mirror image"));
}

TEST_CASE("bodies that do not stand in the tunnel are refused", "[openfoam]") {
  CHECK_THAT(message_of([] {
               setup_of(case_of(test::box_mesh({0, -0.2, -0.1}, {1, 0.2, 0.3}, 4)));
             }),
             ContainsSubstring("reaches 0.1 m below the ground"));
  CHECK_THAT(message_of([] {
               setup_of(case_of(test::box_mesh({0, -0.2, 3}, {1, 0.2, 3.3}, 4)));
             }),
             ContainsSubstring("3.3 m up"));
  CHECK_THAT(message_of([] {
               setup_of(case_of(test::box_mesh({0, -2, 0.1}, {1, 2, 0.3}, 4)));
             }),
             ContainsSubstring("2 m to the side"));
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
  CHECK(s.cd_deviation == 0);

  options.resume = true;
  const auto answer = solver::OpenFoamEngine(options).solve(question);
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
