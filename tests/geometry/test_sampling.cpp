#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include "core/error.hpp"
#include "geometry/sampling.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using namespace streamtube::test;

TEST_CASE("points lie on the faces they name") {
  SurfaceMesh mesh = unit_cube(3, false);
  add_face(mesh, {{0, 0, 4}, {2, 0, 4}, {2, 1, 4}, {1, 3, 4}, {0, 1, 4}});  // and a pentagon
  std::vector<std::int64_t> faces;
  const std::vector<Vec3> points = sample_surface(mesh, 2000, 1, &faces);
  REQUIRE(points.size() == 2000);
  REQUIRE(faces.size() == 2000);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto f = static_cast<std::size_t>(faces[i]);
    REQUIRE(f < mesh.face_count());
    const Vec3 normal = mesh.area_vector(f);
    REQUIRE(std::abs(dot(points[i] - mesh.corner(f, 0), normal)) < 1e-12);
    for (std::size_t c = 0; c < mesh.corner_count(f); ++c) {  // left of every side of a convex face
      const Vec3 a = mesh.corner(f, c), b = mesh.corner(f, (c + 1) % mesh.corner_count(f));
      REQUIRE(dot(cross(b - a, points[i] - a), normal) > -1e-12);
    }
  }
}

TEST_CASE("evenly spread: no face is off by more than a few points from its share of the area") {
  const SurfaceMesh mesh = sphere_mesh(6);
  double total = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) total += norm(mesh.area_vector(f));
  const std::size_t n = 40000;
  std::vector<std::int64_t> faces;
  sample_surface(mesh, n, 3, &faces);
  std::vector<double> count(mesh.face_count(), 0);
  for (const auto f : faces) ++count[f];
  // Independent draws: 9.6, the root of what falls to a face, and three times that for the worst.
  double squares = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const double off = count[f] - static_cast<double>(n) * norm(mesh.area_vector(f)) / total;
    REQUIRE(std::abs(off) < 12);
    squares += off * off / static_cast<double>(mesh.face_count());
  }
  CHECK(std::sqrt(squares) < 3.5);
}

TEST_CASE("uniform within a face and in any prefix") {
  // One right triangle cut in 16 equal ones: chi-square with 15 degrees of freedom, 99.9 % of all seeds below 37.7.
  SurfaceMesh mesh;
  add_face(mesh, {{0, 0, 0}, {4, 0, 0}, {0, 4, 0}});
  const auto chi_square = [](const std::vector<Vec3>& points, std::size_t n) {
    std::vector<double> count(32, 0);
    for (std::size_t i = 0; i < n; ++i) {
      const double x = points[i][0], y = points[i][1];
      const int cx = static_cast<int>(x), cy = static_cast<int>(y);
      const bool upper = (x - cx) + (y - cy) > 1;
      ++count[2 * (4 * cy + cx) + upper];
    }
    double sum = 0;
    int cells = 0;
    const double expected = static_cast<double>(n) / 16;
    for (int cy = 0; cy < 4; ++cy) {
      for (int cx = 0; cx + cy < 4; ++cx) {
        for (int upper = 0; upper < (cx + cy < 3 ? 2 : 1); ++upper, ++cells) {
          const double d = count[2 * (4 * cy + cx) + upper] - expected;
          sum += d * d / expected;
        }
      }
    }
    REQUIRE(cells == 16);
    return sum;
  };
  const auto points = sample_surface(mesh, 16000, 11);
  CHECK(chi_square(points, 16000) < 37.7);
  CHECK(chi_square(points, 1600) < 37.7);

  // Over many faces stratification makes octants nearly exact; a prefix is as good as random.
  const auto ball = sample_surface(sphere_mesh(10), 80000, 5);
  for (const std::size_t n : {std::size_t{80000}, std::size_t{8000}}) {
    double octant[8] = {};
    for (std::size_t i = 0; i < n; ++i) ++octant[(ball[i][0] > 0) + 2 * (ball[i][1] > 0) + 4 * (ball[i][2] > 0)];
    const double sigma = std::sqrt(static_cast<double>(n) * 7 / 64);
    for (const double o : octant) CHECK(std::abs(o - static_cast<double>(n) / 8) < 4 * sigma);
  }
}

TEST_CASE("the seed alone decides") {
  const SurfaceMesh mesh = sphere_mesh(4);
  const auto a = sample_surface(mesh, 500, 42), b = sample_surface(mesh, 500, 42), c = sample_surface(mesh, 500, 43);
  CHECK(a == b);
  CHECK(a != c);
}

TEST_CASE("faces without area are never drawn, also at both ends") {
  SurfaceMesh mesh;
  add_face(mesh, {{0, 0, 0}, {0, 0, 0}, {1, 0, 0}});
  add_face(mesh, {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}});
  add_face(mesh, {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}});
  add_face(mesh, {{3, 0, 0}, {4, 0, 0}, {3, 1, 0}});
  add_face(mesh, {{5, 5, 5}, {5, 5, 5}, {5, 5, 5}});
  std::vector<std::int64_t> faces;
  const auto points = sample_surface(mesh, 1001, 9, &faces);
  for (const auto f : faces) REQUIRE((f == 1 || f == 3));
  CHECK(std::abs(static_cast<double>(std::count(faces.begin(), faces.end(), 1)) - 500.5) < 1);
}

TEST_CASE("no points, no area") {
  CHECK(sample_surface(unit_cube(), 0, 1).empty());
  CHECK(sample_surface(SurfaceMesh{}, 0, 1).empty());
  SurfaceMesh flat;
  add_face(flat, {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}});
  CHECK_THROWS_AS(sample_surface(flat, 5, 1), core::Error);
  CHECK_THROWS_AS(sample_surface(SurfaceMesh{}, 5, 1), core::Error);
}

TEST_CASE("other triangles of the same shape give nearly the same points, a change of shape moves those near it") {
  const auto share_near = [](const std::vector<Vec3>& a, const std::vector<Vec3>& b, double reach) {
    std::size_t near = 0;
    for (const Vec3& p : a)
      near += std::any_of(b.begin(), b.end(), [&](const Vec3& q) { return norm(p - q) < reach; });
    return static_cast<double>(near) / static_cast<double>(a.size());
  };
  // What falls to a point is a square of 0.077: of independent draws every fifth has another one within 0.02.
  const auto coarse = sample_surface(unit_cube(1), 1000, 4);
  for (const int n : {2, 3, 16}) CHECK(share_near(coarse, sample_surface(unit_cube(n), 1000, 4), 0.02) > 0.9);
  CHECK(share_near(coarse, sample_surface(unit_cube(1), 1000, 5), 0.02) < 0.4);

  SurfaceMesh bumped = box_mesh({0, 0, 0}, {1.3, 1, 1}, 8), smooth = bumped;
  append(bumped, box_mesh({0.4, 0.4, 1}, {0.5, 0.5, 1.02}));
  const auto before = sample_surface(smooth, 1000, 4), moved = sample_surface(bumped, 1000, 4);
  CHECK(share_near(before, moved, 0.02) > 0.9);
}
