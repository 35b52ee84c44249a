#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <numbers>

#include "geometry/generators.hpp"
#include "solver/openfoam/tail.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using Catch::Approx;

namespace {

geometry::SurfaceMesh ahmed(double slant_angle) {
  return geometry::generate_body("ahmed", {{"slant_angle", slant_angle}}).mesh;
}

}  // namespace

TEST_CASE("the roof ends where a rear window begins, or at the tail", "[openfoam]") {
  const double slant = 0.222, length = 1.044;
  for (const double angle : {12.0, 25.0, 40.0})
    CHECK(solver::tail_of(ahmed(angle)).roof_end ==
          Approx(length - slant * std::cos(angle / 180 * std::numbers::pi)).margin(1e-6));
  for (const double angle : {0.0, 5.0}) CHECK(solver::tail_of(ahmed(angle)).roof_end == Approx(length).margin(1e-6));
  // Of any size, also of two triangles a side.
  auto body = test::box_mesh({0, -0.2, 0.05}, {1, 0.2, 0.35}, 1);
  CHECK(solver::tail_of(body).roof_end == 1);
  for (Vec3& p : body.points) p = 1000.0 * p;
  CHECK(solver::tail_of(body).roof_end == 1000);
}

TEST_CASE("the underbody is found above wheels, the sides without mirrors", "[openfoam]") {
  auto body = test::box_mesh({0, -0.2, 0.05}, {1, 0.2, 0.35}, 4);
  for (const double x : {0.1, 0.8})
    for (const double y : {-0.19, 0.14}) test::append(body, test::box_mesh({x, y, 0}, {x + 0.15, y + 0.05, 0.06}, 1));
  test::append(body, test::box_mesh({0.3, 0.21, 0.25}, {0.34, 0.26, 0.28}, 1));
  const auto tail = solver::tail_of(body);
  CHECK(tail.underbody == Approx(0.05));
  CHECK(tail.high_y == Approx(0.2));
  CHECK(tail.low_y == Approx(-0.2));
}
