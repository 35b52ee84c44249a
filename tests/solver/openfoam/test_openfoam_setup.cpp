#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "geometry/generators.hpp"
#include "geometry/surface_report.hpp"
#include "solver/openfoam/openfoam_setup.hpp"
#include "solver/range_check.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/message_of.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using test::message_of;

namespace {

solver::Case case_of(geometry::SurfaceMesh body) {
  solver::Case out;
  out.name = "body.stl";
  out.body = std::move(body);
  out.report = geometry::report(out.body);
  out.flow = {15, 2.0, 1.5e-5};
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

TEST_CASE("the set-up of the standard body is that of the training data", "[openfoam]") {
  const auto question = case_of(geometry::ahmed_body({}).mesh);
  solver::OpenFoamOptions options;
  options.mesh = solver::MeshKind::plain;
  const auto setup = setup_of(question, options);
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
                                                                                  {"rear_box", ""},
                                                                                  {"rear_region", ""},
                                                                                  {"inside", "-1.0123 0.5123 0.5123"}})
    CHECK(value(setup, key) == text);
}

TEST_CASE("the mesh of cars is fine around the tail, in boxes as large as the body", "[openfoam]") {
  auto body = geometry::ahmed_body({}).mesh;  // the slant begins at x = 0.842800, 0.05 m above the ground
  auto setup = setup_of(case_of(body));
  CHECK(value(setup, "wake_max") == "1.744 0.2445 0.368");
  CHECK(value(setup, "near_max") == "1.944 0.3345 0.498");
  CHECK(value(setup, "rear_region") == "\n    rear { mode inside; levels ((1e15 4)); }");
  CHECK_THAT(value(setup, "rear_box"), ContainsSubstring("\n  rear { type searchableBox; min (0.7827") &&
                                           ContainsSubstring(" -11.95 0.05); max (1.164 0.2145 0.353); }"));
  solver::OpenFoamOptions plain;
  plain.mesh = solver::MeshKind::plain;
  const double more = setup.cells - setup_of(case_of(body), plain).cells;
  CHECK(more > 5000);
  CHECK(more < 50'000);
  for (Vec3& p : body.points) p = 4.0 * p;
  CHECK_THAT(value(setup_of(case_of(body)), "rear_box"), ContainsSubstring(" 0.2); max (4.656 0.858 1.412); }"));
  // The whole of a body: on both sides.
  solver::OpenFoamOptions whole;
  whole.symmetry = solver::Symmetry::full;
  setup = setup_of(case_of(body), whole);
  CHECK_THAT(value(setup, "rear_box"), ContainsSubstring(" -0.858 0.2); max (4.656 0.858 1.412); }"));
  CHECK_THAT(value(setup, "wake_min"), ContainsSubstring(" -0.978 "));
  CHECK(solver::mesh_kind("plain") == solver::MeshKind::plain);
  CHECK_FALSE(solver::mesh_kind("fine"));
}

TEST_CASE("a body is solved once more with other cells", "[openfoam]") {
  solver::OpenFoamOptions options;
  options.cell_factor = 1.025;
  CHECK(setup_of(case_of(geometry::ahmed_body({}).mesh), options).base == Approx(0.13325));
  options.cell = 0.01;
  CHECK(setup_of(case_of(geometry::ahmed_body({}).mesh), options).base == Approx(0.164));
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
  CHECK(setup_of(case_of(body)).half);
  for (Vec3& p : body.points)
    if (p[0] > 0.9 && p[1] > 0) p[2] += 0.1;
  const auto question = case_of(body);
  const auto setup = setup_of(question);
  CHECK_FALSE(setup.half);
  CHECK(setup.blocks[1] == 30);
  CHECK(value(setup, "y0") == "-1.95");
  CHECK_THAT(value(setup, "low_y"), ContainsSubstring("other_side"));
  solver::OpenFoamOptions options;
  options.symmetry = solver::Symmetry::half;
  CHECK_THAT(message_of([&] { setup_of(question, options); }),
             ContainsSubstring("not its own mirror image at y = 0: up to 0.1 m away, 10 % of its length, at (1, 0.1"));
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

TEST_CASE("bodies may stand on the ground, or reach a little below it", "[openfoam]") {
  const auto standing = setup_of(case_of(test::box_mesh({0, -0.2, 0}, {1, 0.2, 0.3}, 4)));
  CHECK(standing.domain.low[2] == 0);
  // Without the side on the ground, which no air meets.
  CHECK(standing.area == Approx(2 * (0.4 * 0.3 + 0.3) + 0.4));
  const auto below = setup_of(case_of(test::box_mesh({0, -0.2, -0.01}, {1, 0.2, 0.3}, 4)));
  CHECK(below.area == Approx(standing.area));
  CHECK(setup_of(case_of(test::box_mesh({0, -0.2, 0.1}, {1, 0.2, 0.4}, 4))).area == Approx(standing.area + 0.4));
}

TEST_CASE("the number of cells is foretold, and refused where OpenFOAM cannot count them", "[openfoam]") {
  auto question = case_of(geometry::ahmed_body({}).mesh);
  solver::OpenFoamOptions options;
  options.mesh = solver::MeshKind::plain;
  const auto setup = setup_of(question, options);
  CHECK(setup.cells == Approx(91'935).epsilon(0.15));  // snappyHexMesh makes that many
  CHECK(setup.memory > 1000 * setup.cells);
  CHECK(value(setup, "max_cells") == "20000000");
  CHECK(value(setup, "least_volume") == "1e-13");
  options.cell = 1e-5;
  CHECK_THAT(message_of([&] { setup_of(question, options); }), ContainsSubstring("more than OpenFOAM can number"));
  options.cell = 1e-300;
  CHECK_THAT(message_of([&] { setup_of(question, options); }), ContainsSubstring("more than OpenFOAM can number"));
  options.cell = 8;
  CHECK_THAT(message_of([&] { setup_of(question, options); }), ContainsSubstring("too coarse"));
  CHECK(solver::finer_cell(0.008, -0.06, 0.03) == Approx(0.004));
  CHECK(solver::finer_cell(0.0325, -0.046, 0.03) == Approx(0.021));
}

TEST_CASE("bodies of a millimetre and of a kilometre get cells of their size, and a warning", "[openfoam]") {
  for (const double length : {1e-3, 1e3}) {
    auto body = geometry::ahmed_body({}).mesh;
    for (Vec3& p : body.points) p = (length / 1.044) * p;
    const auto setup = setup_of(case_of(body));
    CHECK(setup.scale == Approx(length).epsilon(0.03));
    CHECK(setup.cells == Approx(91'935).epsilon(0.15));
    REQUIRE(setup.warnings.size() == 1);
    CHECK_THAT(setup.warnings[0], ContainsSubstring("Reynolds number"));
  }
  CHECK(setup_of(case_of(geometry::ahmed_body({}).mesh)).warnings.empty());
}
