#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <numbers>

#include "geometry/surface_report.hpp"
#include "mesh_io/cut.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using Catch::Approx;

TEST_CASE("a box cut at a height is open there and nowhere else") {
  for (const bool triangles : {true, false}) {
    auto mesh = test::box_mesh({0, 0, -1}, {2, 1, 1}, 5, triangles);
    const std::size_t before = mesh.face_count();
    const auto cut = mesh_io::cut_below(mesh, 0.1);
    mesh.check("cut");
    const auto report = geometry::report(mesh);
    CHECK(report.bounds.low[2] == 0.1);
    CHECK(report.bounds.high[2] == 1);
    // Layers of 0.4: 0.1 lies in the middle one, two are below it, with the floor.
    CHECK(cut.removed == (triangles ? 2u : 1u) * (25 + 2 * 20));
    CHECK(cut.shortened == (triangles ? 2u : 1u) * 20);
    CHECK(mesh.face_count() > before - cut.removed - cut.shortened);
    CHECK(report.area == Approx(2 * 1 + 2 * (2 + 1) * 0.9));
    CHECK(report.inconsistent_edges == 0);
    CHECK(report.non_manifold_edges == 0);
    CHECK(report.components == 1);
    // All open edges together are the outline of the cut.
    double length = 0;
    std::size_t edges = 0;
    for (std::size_t f = 0; f < mesh.face_count(); ++f)
      for (std::size_t i = 0; i < mesh.corner_count(f); ++i) {
        const Vec3 a = mesh.corner(f, i), b = mesh.corner(f, (i + 1) % mesh.corner_count(f));
        if (a[2] == 0.1 && b[2] == 0.1) length += norm(b - a), ++edges;
      }
    CHECK(length == Approx(2 * (2 + 1)));
    CHECK(edges == report.boundary_edges);
  }
}

TEST_CASE("a sphere through the ground keeps its patches; what stands on the ground is not cut") {
  auto ball = test::sphere_mesh(24);
  ball.patch_names = {"back", "front"};
  for (std::size_t f = 0; f < ball.face_count(); ++f) ball.patch[f] = ball.centroid(f)[0] > 0;
  const double whole = geometry::report(ball).area;
  mesh_io::cut_below(ball, -0.5);
  // Archimedes: the area of a zone is proportional to its height, here 3/4 of the diameter.
  CHECK(geometry::report(ball).area == Approx(0.75 * whole).epsilon(2e-3));
  double area[2] = {0, 0};
  for (std::size_t f = 0; f < ball.face_count(); ++f) area[ball.patch[f]] += norm(ball.area_vector(f));
  CHECK(area[0] == Approx(area[1]).epsilon(1e-2));

  auto box = test::unit_cube(3);
  const auto untouched = box.corners;
  const auto cut = mesh_io::cut_below(box, 0);
  CHECK(cut.removed + cut.shortened == 0);
  CHECK(box.corners == untouched);
}
