#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "geometry/morph.hpp"
#include "geometry/surface_report.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using Catch::Approx;

namespace {

const Box kBox{{0, 0, 0}, {1, 2, 3}};

bool near(const Vec3& a, const Vec3& b, double tolerance = 1e-12) { return norm(a - b) < tolerance; }

LatticeMorph lattice(std::array<int, 3> points) {
  LatticeMorph out{kBox, {}, points, {}};
  out.moved.assign(static_cast<std::size_t>(points[0] * points[1] * points[2]), {0, 0, 0});
  return out;
}

}  // namespace

TEST_CASE("a lattice whose points all move shifts the box; one that turns shears it") {
  LatticeMorph all = lattice({3, 2, 4});
  for (Vec3& d : all.moved) d = {0.1, -0.2, 0.3};
  CHECK(near(moved(all, {0.3, 1.1, 2.2}), {0.4, 0.9, 2.5}));
  CHECK(near(moved(all, {1.001, 1.1, 2.2}), {1.001, 1.1, 2.2}));  // outside

  // Control displacements that are linear in a control point's place give that linear map (linear precision).
  LatticeMorph shear = lattice({3, 2, 4});
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 2; ++j)
      for (int k = 0; k < 4; ++k) shear.moved[static_cast<std::size_t>((i * 2 + j) * 4 + k)] = {0.5 * k, 0, 0.25 * i};
  const Vec3 p{0.3, 1.1, 2.2};
  CHECK(near(moved(shear, p), p + Vec3{0.5 * 3 * (2.2 / 3), 0, 0.25 * 2 * 0.3}));
}

TEST_CASE("one control point moves by its Bernstein polynomial") {
  LatticeMorph one = lattice({4, 3, 2});
  one.moved[static_cast<std::size_t>((2 * 3 + 1) * 2 + 1)] = {0, 0, 1};
  const double s = 0.35, t = 0.6, u = 0.2;
  // 3 s^2 (1 - s), 2 t (1 - t), u
  const double expected = 3 * s * s * (1 - s) * 2 * t * (1 - t) * u;
  CHECK(moved(one, {s, 2 * t, 3 * u})[2] - 3 * u == Approx(expected).epsilon(1e-12));
}

TEST_CASE("deformations fade smoothly at the sides they are told") {
  RegionMorph region{kBox, {}, {0, 0, 1}, {0, 0, 0}, {0, 0, 0}};
  region.fading[0] = 0.5;
  const auto rise = [&](double x) { return moved(region, {x, 1, 1})[2] - 1; };
  CHECK(rise(0) == 0);
  CHECK(rise(0.25) == Approx(0.5));
  CHECK(rise(0.5) == 1);
  CHECK(rise(1) == 1);
  // No step in the value, the slope or the curvature where the fading begins and ends.
  const double h = 1e-4;
  for (const double x : {0.0, 0.5}) {
    CHECK(std::abs(rise(x + h) - rise(std::max(0.0, x - h))) < 1e-9);
    CHECK(std::abs(rise(x + 2 * h) - 2 * rise(x + h) + rise(x)) / (h * h) < 0.2);
  }
}

TEST_CASE("a region grows about a point") {
  const RegionMorph region{kBox, {}, {0, 0, 0}, {0.1, 0, -0.5}, {0.5, 1, 0}};
  CHECK(near(moved(region, {1, 2, 2}), {1.05, 2, 1}));
  CHECK(near(moved(region, {0.5, 1, 0}), {0.5, 1, 0}));
}

TEST_CASE("stretching lengthens one part and carries what lies beyond") {
  SurfaceMesh mesh = test::box_mesh({0, 0, 0}, {2, 1, 1}, 8);
  const auto before = report(mesh);
  apply(StretchMorph{0, 0.5, 1.5, 0.4}, mesh);
  auto after = report(mesh, true);
  CHECK(after.bounds.high[0] == Approx(2.4));
  CHECK(after.bounds.low[0] == 0);
  CHECK(after.volume == Approx(before.volume + 0.4));
  CHECK(after.watertight);
  CHECK(after.self_intersections == 0);
  // Downwards: the low end moves.
  apply(StretchMorph{0, 1.0, 0.5, 0.4}, mesh);
  after = report(mesh);
  CHECK(after.bounds.low[0] == Approx(-0.4));
  CHECK(after.bounds.high[0] == Approx(2.4));
}

TEST_CASE("a rotation turns about its hinge, all of the body or what lies in a box") {
  const double right = 0.5 * std::acos(-1.0);
  const RotateMorph whole{{}, {}, {1, 0, 1}, {1, 5, 1}, right};  // about +y: z goes to x, x to -z
  const Vec3 turned = moved(whole, {3, 7, 1});
  CHECK(turned[0] == Approx(1));
  CHECK(turned[1] == Approx(7));
  CHECK(turned[2] == Approx(-1));
  CHECK(moved(whole, {1, 2, 1}) == Vec3{1, 2, 1});
  // Lengths and volume stay.
  SurfaceMesh mesh = test::box_mesh({0, 0, 0}, {2, 1, 1}, 4);
  const auto before = report(mesh);
  apply(RotateMorph{{}, {}, {0.3, 0, 0.2}, {0.4, 1, 0.3}, 0.3}, mesh);
  const auto after = report(mesh, true);
  CHECK(after.volume == Approx(before.volume));
  CHECK(after.area == Approx(before.area));
  // A flap: its end goes up by its length times the sine, the root stays, the distance to the hinge is kept.
  const RotateMorph flap{{{1, -1, -1}, {2, 2, 2}}, {0.5, 0, 0, 0, 0, 0}, {1, 0, 0}, {1, 1, 0}, -0.1};
  CHECK(moved(flap, {0.5, 0, 0}) == Vec3{0.5, 0, 0});
  const Vec3 end = moved(flap, {2, 0.5, 0});
  CHECK(end[2] == Approx(std::sin(0.1)));
  const Vec3 half = moved(flap, {1.25, 0.5, 0});  // in the middle of the fading
  CHECK(half[2] == Approx(0.25 * std::sin(0.05)));
  CHECK(norm(half - Vec3{1, 0.5, 0}) == Approx(0.25));
}

TEST_CASE("a deformed sphere stays closed and its volume is that of the map") {
  SurfaceMesh mesh = test::sphere_mesh(24);
  const Box around{{-2, -2, -2}, {2, 2, 2}};
  const auto before = report(mesh);
  const RegionMorph region{around, {}, {0, 0, 0}, {0.2, -0.1, 0.05}, {0, 0, 0}};
  apply(region, mesh);
  const auto after = report(mesh, true);
  CHECK(after.volume == Approx(before.volume * 1.2 * 0.9 * 1.05));
  CHECK(after.watertight);
  CHECK(after.self_intersections == 0);
}

TEST_CASE("sides are crossed where edges leave the box") {
  const SurfaceMesh mesh = test::box_mesh({0, 0, 0}, {2, 1, 1}, 8);
  // A box around the rear: the body goes on towards -x only.
  CHECK(crossed_sides(mesh, {{1.3, -1, -1}, {3, 2, 2}}) ==
        std::array<bool, 6>{true, false, false, false, false, false});
  CHECK(crossed_sides(mesh, {{-1, -1, -1}, {3, 2, 2}}) == std::array<bool, 6>{});
  CHECK(points_inside(mesh, {{5, 5, 5}, {6, 6, 6}}) == 0);
  CHECK(points_inside(mesh, {{-1, -1, -1}, {3, 2, 2}}) == mesh.points.size());
}

TEST_CASE("nothing is done where all numbers are zero, and nonsense is refused") {
  SurfaceMesh mesh = test::box_mesh({0, 0, 0}, {1, 2, 3}, 4);
  const auto points = mesh.points;
  apply(lattice({3, 3, 3}), mesh);
  apply(RegionMorph{kBox, {}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}}, mesh);
  apply(StretchMorph{1, 0.5, 1, 0}, mesh);
  CHECK(mesh.points == points);
  LatticeMorph few = lattice({2, 2, 2});
  few.moved.pop_back();
  CHECK_THROWS_AS(check(few), core::Error);
  CHECK_THROWS_AS(check(StretchMorph{0, 1, 1, 0.1}), core::Error);
  CHECK_THROWS_AS(check(RegionMorph{{{0, 0, 0}, {1, 0, 1}}, {}, {}, {}, {}}), core::Error);
}
