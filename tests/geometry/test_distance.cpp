#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <limits>
#include <numbers>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "geometry/distance.hpp"
#include "geometry/threads.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using namespace streamtube::test;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

double to_segment(const Vec3& p, const Vec3& a, const Vec3& b) {
  const Vec3 d = b - a;
  const double s = std::clamp(dot(p - a, d) / dot(d, d), 0.0, 1.0);
  return norm(p - (a + s * d));
}

// The plane where the foot lies in the triangle, else the nearest side.
double to_triangle(const Vec3& p, const Vec3& a, const Vec3& b, const Vec3& c) {
  const Vec3 n = cross(b - a, c - a);
  const bool over =
      dot(cross(b - a, p - a), n) >= 0 && dot(cross(c - b, p - b), n) >= 0 && dot(cross(a - c, p - c), n) >= 0;
  if (over) return std::abs(dot(p - a, n)) / norm(n);
  return std::min({to_segment(p, a, b), to_segment(p, b, c), to_segment(p, c, a)});
}

double brute_distance(const SurfaceMesh& mesh, const Vec3& p) {
  double best = 1e300;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    for (std::size_t i = 1; i + 1 < mesh.corner_count(f); ++i) {
      best = std::min(best, to_triangle(p, mesh.corner(f, 0), mesh.corner(f, i), mesh.corner(f, i + 1)));
    }
  }
  return best;
}

// Winding number by solid angles (van Oosterom and Strackee 1983): another way than rays.
double winding(const SurfaceMesh& mesh, const Vec3& p) {
  double sum = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    for (std::size_t i = 1; i + 1 < mesh.corner_count(f); ++i) {
      const Vec3 a = mesh.corner(f, 0) - p, b = mesh.corner(f, i) - p, c = mesh.corner(f, i + 1) - p;
      const double la = norm(a), lb = norm(b), lc = norm(c);
      sum += 2 * std::atan2(dot(a, cross(b, c)), la * lb * lc + dot(a, b) * lc + dot(b, c) * la + dot(c, a) * lb);
    }
  }
  return sum / (4 * std::numbers::pi);
}

std::vector<Vec3> random_points(std::size_t n, double half_width, const char* stream) {
  core::Rng rng(17, stream);
  std::vector<Vec3> points(n);
  for (Vec3& p : points) {
    for (double& x : p) x = half_width * (2 * rng.uniform() - 1);
  }
  return points;
}

// A torus: a body with a hole through it, not convex.
SurfaceMesh torus() {
  SurfaceMesh mesh;
  const int n = 20, m = 10;
  const auto point = [&](int i, int j) {
    const double u = 2 * std::numbers::pi * (i % n) / n, v = 2 * std::numbers::pi * (j % m) / m;
    return Vec3{(1 + 0.4 * std::cos(v)) * std::cos(u), (1 + 0.4 * std::cos(v)) * std::sin(u), 0.4 * std::sin(v)};
  };
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < m; ++j) add_face(mesh, {point(i, j), point(i + 1, j), point(i + 1, j + 1), point(i, j + 1)});
  }
  return mesh;
}

}  // namespace

TEST_CASE("distance and side agree with brute force on a torus") {
  const SurfaceMesh mesh = torus();
  const DistanceField field(mesh);
  int inside = 0;
  for (const Vec3& p : random_points(2000, 1.6, "torus")) {
    REQUIRE_THAT(field.distance(p), WithinAbs(brute_distance(mesh, p), 1e-12));
    const bool expected = winding(mesh, p) > 0.5;
    REQUIRE(field.inside(p) == expected);
    REQUIRE_THAT(field.signed_distance(p), WithinAbs((expected ? -1 : 1) * brute_distance(mesh, p), 1e-12));
    inside += expected;
  }
  CHECK(inside > 100);
  CHECK_FALSE(field.inside({0, 0, 0}));  // in the hole
}

TEST_CASE("distance to a unit cube is known") {
  const DistanceField field(unit_cube(4));
  CHECK_THAT(field.signed_distance(Vec3{0.5, 0.5, 0.25}), WithinAbs(-0.25, 1e-15));
  CHECK_THAT(field.signed_distance(Vec3{2, 0.5, 0.5}), WithinAbs(1, 1e-15));
  CHECK_THAT(field.signed_distance(Vec3{2, 2, 2}), WithinRel(std::sqrt(3.0), 1e-15));
  CHECK_THAT(field.distance({1, 0.3, 0.3}), WithinAbs(0, 1e-15));
}

TEST_CASE("grid points of an axis-aligned cube are never on the wrong side") {
  // Rays along an axis would run through edges here.
  const DistanceField field(unit_cube(8));
  for (int x = -2; x < 18; ++x) {
    for (int y = -2; y < 18; ++y) {
      for (int z = -2; z < 18; ++z) {
        const Vec3 p{x / 16.0 + 1 / 32.0, y / 16.0 + 1 / 32.0, z / 16.0 + 1 / 32.0};
        const bool expected = std::min({x, y, z}) >= 0 && std::max({x, y, z}) < 16;
        REQUIRE(field.inside(p) == expected);
      }
    }
  }
}

TEST_CASE("orientation does not matter to the side") {
  SurfaceMesh mesh = torus();
  turn_all(mesh);
  CHECK(DistanceField(mesh).inside(Vec3{1, 0, 0}));
}

TEST_CASE("a small hole does not turn the body inside out") {
  // A ray through the hole errs alone; the other two outvote it.
  const SurfaceMesh whole = sphere_mesh(12);
  for (const std::size_t missing : {std::size_t{0}, std::size_t{500}, std::size_t{1700}}) {
    const DistanceField field(without_face(whole, missing));
    int wrong = 0;
    for (const Vec3& p : random_points(3000, 1.1, "hole")) {
      const double r = norm(p);
      if (r < 0.8) wrong += !field.inside(p);
      if (r > 1.0) wrong += field.inside(p);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("degenerate, duplicated and non-finite triangles do no harm") {
  SurfaceMesh mesh = unit_cube();
  add_face(mesh, {{0, 0, 0}, {0, 0, 0}, {1, 1, 1}});
  add_face(mesh, {{-5, 0, 0}, {-6, 0, 0}, {-7, 0, 0}});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  add_face(mesh, {{nan, 0, 0}, {1, 0, 0}, {0, 1, 0}});
  const DistanceField field(mesh);
  CHECK(field.inside(Vec3{0.4, 0.3, 0.2}));
  CHECK_THAT(field.distance({-5, 0.5, 0.5}), WithinAbs(5, 1e-12));

  // A face given twice is crossed twice: parity says outside behind it, the majority of the rays need not.
  SurfaceMesh twice = unit_cube(8);
  add_face(twice, {twice.corner(0, 0), twice.corner(0, 1), twice.corner(0, 2)});
  int wrong = 0;
  const DistanceField doubled(twice);
  for (const Vec3& p : random_points(2000, 1, "twice")) {
    wrong += doubled.inside(p) != (std::min({p[0], p[1], p[2]}) > 0);
  }
  CHECK(wrong < 10);
}

TEST_CASE("nothing to measure to is an input error") {
  CHECK_THROWS_AS(DistanceField(SurfaceMesh{}), core::Error);
  SurfaceMesh flat;
  add_face(flat, {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}});
  CHECK_THROWS_AS(DistanceField(flat), core::Error);
}

TEST_CASE("one triangle has a distance but no inside") {
  SurfaceMesh mesh;
  add_face(mesh, {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}});
  const DistanceField field(mesh);
  CHECK_THAT(field.distance({0.2, 0.2, 3}), WithinAbs(3, 1e-15));
  CHECK_FALSE(field.inside(Vec3{0.2, 0.2, 0.1}));
}

TEST_CASE("points that are not finite get an answer") {
  const DistanceField field(unit_cube());
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  CHECK(std::isnan(field.distance({nan, 0, 0})));
  CHECK_FALSE(field.inside(Vec3{nan, 0.5, 0.5}));
  CHECK_FALSE(field.inside(Vec3{0.5, infinity, 0.5}));
  CHECK_FALSE(field.intersects({{nan, 0, 0}, {1, 1, 1}}));
}

TEST_CASE("box intersection") {
  const SurfaceMesh mesh = sphere_mesh(10);
  const DistanceField field(mesh);
  CHECK_FALSE(field.intersects({{-0.1, -0.1, -0.1}, {0.1, 0.1, 0.1}}));  // inside, touches nothing
  CHECK(field.intersects({{-2, -2, -2}, {2, 2, 2}}));                    // holds all of it
  CHECK(field.intersects({{1, -0.01, -0.01}, {1.5, 0.01, 0.01}}));       // touches a corner at (1, 0, 0)
  CHECK_FALSE(field.intersects({{1.001, -0.01, -0.01}, {1.5, 0.01, 0.01}}));
  CHECK_FALSE(field.intersects(Box{}));
  // Small boxes: only those nearer than half their diagonal can be met, all nearer than half their side must be.
  const double h = 0.05;
  int met = 0;
  for (const Vec3& p : random_points(3000, 1.1, "boxes")) {
    const bool hit = field.intersects({p - Vec3{h, h, h}, p + Vec3{h, h, h}});
    const double d = brute_distance(mesh, p);
    if (d < h) REQUIRE(hit);
    if (d > h * std::sqrt(3.0)) REQUIRE_FALSE(hit);
    met += hit;
  }
  CHECK(met > 100);
}

TEST_CASE("bulk answers equal single ones on any number of threads") {
  const DistanceField field(torus());
  const std::vector<Vec3> points = random_points(5000, 1.6, "bulk");
  set_thread_count(1);
  const auto distance = field.signed_distance(points);
  const auto inside = field.inside(points);
  for (std::size_t i = 0; i < points.size(); i += 7) {
    REQUIRE(distance[i] == field.signed_distance(points[i]));
    REQUIRE((inside[i] != 0) == field.inside(points[i]));
  }
  for (const int threads : {2, 5}) {
    set_thread_count(threads);
    CHECK(field.signed_distance(points) == distance);
    CHECK(field.inside(points) == inside);
  }
  set_thread_count(0);
  CHECK(field.signed_distance(std::vector<Vec3>{}).empty());
}

TEST_CASE("a moved field still answers") {
  DistanceField first(unit_cube());
  const DistanceField second(std::move(first));
  CHECK(second.inside(Vec3{0.5, 0.5, 0.5}));
}

TEST_CASE("frontal area") {
  CHECK_THAT(frontal_area(box_mesh({0, -0.3, 0.1}, {2, 0.5, 0.6})), WithinRel(0.4, 1e-12));
  const double circle = std::numbers::pi * 0.49;
  CHECK_THAT(frontal_area(sphere_mesh(60, 0.7, {3, 1, 2})), WithinRel(circle, 1e-3));
  // Shadows that overlap count once, separate ones add up.
  SurfaceMesh two = unit_cube();
  append(two, box_mesh({5, 0.5, 0}, {6, 1.5, 1}));
  CHECK_THAT(frontal_area(two), WithinRel(1.5, 1e-12));
  SurfaceMesh apart = unit_cube();
  append(apart, box_mesh({5, 2.13, 0}, {6, 2.2, 1}));
  CHECK_THAT(frontal_area(apart), WithinRel(1.07, 1e-3));
  // A diamond's sides run across the cells.
  SurfaceMesh diamond;
  add_face(diamond, {{0, 0, -1}, {0, 1, 0}, {0, 0, 1}, {0, -1, 0}});
  CHECK_THAT(frontal_area(diamond), WithinRel(2, 1e-3));
  // Seen edge-on there is no shadow.
  SurfaceMesh ground;
  add_face(ground, {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}});
  CHECK(frontal_area(ground) == 0);
  // The ring seen from its side: a bar between two half decagons.
  const double degree = std::numbers::pi / 180;
  CHECK_THAT(frontal_area(torus()), WithinRel(1.6 * std::sin(72 * degree) + 0.8 * std::sin(36 * degree), 1e-3));
}
