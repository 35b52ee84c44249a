#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>

#include "core/error.hpp"
#include "geometry/sampling.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using namespace streamtube::test;

namespace {

double share_near(const std::vector<Vec3>& a, const std::vector<Vec3>& b, double reach) {
  std::size_t near = 0;
  for (const Vec3& p : a) near += std::any_of(b.begin(), b.end(), [&](const Vec3& q) { return norm(p - q) < reach; });
  return static_cast<double>(near) / static_cast<double>(a.size());
}

}  // namespace

TEST_CASE("points lie on the surface") {
  SurfaceMesh mesh = unit_cube(3, false);
  add_face(mesh, {{0, 0, 4}, {2, 0, 4}, {2, 1, 4}, {1, 3, 4}, {0, 1, 4}});  // and a pentagon
  const std::vector<Vec3> points = sample_surface(mesh, 2000, 1);
  REQUIRE(points.size() == 2000);
  std::size_t on_cube = 0;
  for (const Vec3& p : points) {
    double outside = 0, from_side = 1;
    for (const double x : p)
      outside = std::max({outside, -x, x - 1}), from_side = std::min({from_side, std::abs(x), std::abs(1 - x)});
    if (outside < 1e-9 && from_side < 1e-9) {
      ++on_cube;
    } else {
      REQUIRE(std::abs(p[2] - 4) < 1e-9);
      REQUIRE(std::min({p[0], p[1], 2 - p[0]}) > -1e-12);
      REQUIRE(p[1] <= 1 + 2 * std::min(p[0], 2 - p[0]) + 1e-9);
    }
  }
  CHECK(std::abs(static_cast<double>(on_cube) - 2000 * 6 / (6 + 4.0)) < 10);

  // On curves they are as near to it as elements are small.
  for (const Vec3& p : sample_surface(sphere_mesh(30), 500, 1)) REQUIRE(std::abs(norm(p) - 1) < 1e-3);
}

TEST_CASE("evenly spread: every patch has its share of the points, any prefix is fair") {
  // The mean of x^2 over a ball scatters by 0.298 / sqrt(n) where draws are independent.
  const SurfaceMesh ball = sphere_mesh(16);
  constexpr int kSeeds = 6;
  const std::size_t n = 1000;
  double sum = 0, squares = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    double mean = 0, first = 0;
    const auto points = sample_surface(ball, n, static_cast<std::uint64_t>(seed));
    for (std::size_t i = 0; i < n; ++i) {
      mean += points[i][0] * points[i][0] / static_cast<double>(n);
      if (i < 100) first += points[i][0] * points[i][0] / 100;
    }
    CHECK(std::abs(first - 1.0 / 3) < 4 * 0.298 / 10);
    sum += mean, squares += mean * mean;
  }
  CHECK(std::abs(sum / kSeeds - 1.0 / 3) < 2e-3);
  CHECK(std::sqrt(squares / kSeeds - sum * sum / (kSeeds * kSeeds)) < 0.3 * 0.298 / std::sqrt(1000.0));

  // 10 x 10 squares of a cube's side with 16 points each; of independent ones sqrt(16) more or fewer.
  std::array<double, 100> count{};
  for (const Vec3& p : sample_surface(unit_cube(2), 9600, 3))
    if (p[2] > 1 - 1e-9 && p[0] < 1 && p[1] < 1)
      ++count[static_cast<std::size_t>(p[0] * 10) * 10 + static_cast<std::size_t>(p[1] * 10)];
  double off = 0;
  for (const double c : count) off += (c - 16) * (c - 16) / 100;
  CHECK(std::sqrt(off) < 2.5);
}

TEST_CASE("the seed alone decides") {
  const SurfaceMesh mesh = sphere_mesh(4);
  const auto a = sample_surface(mesh, 500, 42), b = sample_surface(mesh, 500, 42), c = sample_surface(mesh, 500, 43);
  CHECK(a == b);
  CHECK(a != c);
}

TEST_CASE("faces without area are never drawn") {
  SurfaceMesh mesh;
  add_face(mesh, {{0, 0, 0}, {0, 0, 0}, {1, 0, 0}});
  add_face(mesh, {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}});
  add_face(mesh, {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}});
  add_face(mesh, {{3, 0, 0}, {4, 0, 0}, {3, 1, 0}});
  add_face(mesh, {{5, 5, 5}, {5, 5, 5}, {5, 5, 5}});
  double left = 0;
  for (const Vec3& p : sample_surface(mesh, 1001, 9)) {
    const double x = p[0] < 2 ? p[0] : p[0] - 3;
    REQUIRE(std::abs(p[2]) < 1e-12);
    REQUIRE(std::min(x, p[1]) > -1e-12);
    REQUIRE(x + p[1] < 1 + 1e-12);
    left += p[0] < 2;
  }
  CHECK(std::abs(left - 500.5) < 2);
}

TEST_CASE("specks of area far apart") {
  SurfaceMesh mesh;
  add_face(mesh, {{0, 0, 0}, {1e-9, 0, 0}, {0, 1e-9, 0}});
  add_face(mesh, {{1, 2, 3}, {1 + 1e-9, 2, 3}, {1, 2 + 1e-9, 3}});
  std::size_t first = 0;
  const auto points = sample_surface(mesh, 100, 1);
  for (const Vec3& p : points) first += norm(p) < 1e-3;
  CHECK(points.size() == 100);
  CHECK(first >= 49);
  CHECK(first <= 51);
}

TEST_CASE("no points, no area") {
  CHECK(sample_surface(unit_cube(), 0, 1).empty());
  CHECK(sample_surface(SurfaceMesh{}, 0, 1).empty());
  SurfaceMesh flat;
  add_face(flat, {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}});
  CHECK_THROWS_AS(sample_surface(flat, 5, 1), core::Error);
  CHECK_THROWS_AS(sample_surface(SurfaceMesh{}, 5, 1), core::Error);
}

TEST_CASE("other triangles of the same shape give the same points, a change of shape moves those near it") {
  const auto coarse = sample_surface(unit_cube(1), 1000, 4);
  for (const int n : {2, 3, 16}) CHECK(share_near(coarse, sample_surface(unit_cube(n), 1000, 4), 1e-9) > 0.999);
  // What falls to a point is a square of 0.077: every fifth independent draw has another one within 0.02.
  CHECK(share_near(coarse, sample_surface(unit_cube(1), 1000, 5), 0.02) < 0.4);

  const SurfaceMesh smooth = box_mesh({0, 0, 0}, {1.3, 1, 1}, 8);
  SurfaceMesh bumped = smooth;
  append(bumped, box_mesh({0.4, 0.4, 1}, {0.5, 0.5, 1.02}));
  CHECK(share_near(sample_surface(smooth, 1000, 4), sample_surface(bumped, 1000, 4), 0.02) > 0.9);
}

TEST_CASE("a scaled copy gets the scaled points where the unit is scaled too") {
  for (const double factor : {4.0, 4.4, 0.001}) {
    SurfaceMesh copy = unit_cube(2);
    for (Vec3& p : copy.points) p = factor * p;
    const auto here = sample_surface(unit_cube(2), 500, 3), there = sample_surface(copy, 500, 3, factor);
    REQUIRE(here.size() == there.size());
    for (std::size_t i = 0; i < here.size(); ++i) CHECK(norm(there[i] - factor * here[i]) < 1e-12 * factor);
  }
}
