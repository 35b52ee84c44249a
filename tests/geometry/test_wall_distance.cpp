#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "geometry/wall_distance.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using Catch::Matchers::WithinAbs;

namespace {

using Triangle = std::array<Vec3, 3>;

std::vector<Triangle> scattered(int count) {
  core::Rng rng(3, "triangles");
  std::vector<Triangle> out;
  for (int i = 0; i < count; ++i) {
    Vec3 at;
    for (double& x : at) x = 4 * rng.uniform();
    Triangle t;
    for (Vec3& corner : t)
      for (std::size_t a = 0; a < 3; ++a) corner[a] = at[a] + 0.5 * rng.uniform();
    out.push_back(t);
  }
  return out;
}

std::vector<Vec3> places(int count) {
  core::Rng rng(4, "places");
  std::vector<Vec3> out;
  for (int i = 0; i < count; ++i) out.push_back({6 * rng.uniform() - 1, 6 * rng.uniform() - 1, 6 * rng.uniform() - 1});
  return out;
}

// The least distance to many points of every triangle, refined around the best.
double distance_by_search(const std::vector<Triangle>& triangles, const Vec3& p) {
  double best = std::numeric_limits<double>::infinity();
  for (const auto& [a, b, c] : triangles) {
    double u = 0, v = 0, step = 1, least = std::numeric_limits<double>::infinity();
    for (int round = 0; round < 40; ++round, step *= 0.6) {
      double at[2] = {u, v};
      for (int i = -3; i <= 3; ++i)
        for (int j = -3; j <= 3; ++j) {
          const double s = std::max(0.0, at[0] + step * i / 3), t = std::max(0.0, at[1] + step * j / 3);
          const double sum = std::max(1.0, s + t);
          const double d = norm(p - (a + (s / sum) * (b - a) + (t / sum) * (c - a)));
          if (d < least) least = d, u = s / sum, v = t / sum;
        }
    }
    best = std::min(best, least);
  }
  return best;
}

// A box whose sides are two triangles each, normals outward.
std::vector<Triangle> box(const Vec3& size) {
  std::vector<Triangle> out;
  for (std::size_t axis = 0; axis < 3; ++axis)
    for (const double side : {0.0, 1.0}) {
      const std::size_t u = (axis + 1) % 3, v = (axis + 2) % 3;
      Vec3 corner[4];
      for (int k = 0; k < 4; ++k) {
        corner[k][axis] = side * size[axis];
        corner[k][u] = (k == 1 || k == 2) * size[u], corner[k][v] = (k >= 2) * size[v];
      }
      if (side == 0) std::swap(corner[1], corner[3]);
      out.push_back({corner[0], corner[1], corner[2]});
      out.push_back({corner[0], corner[2], corner[3]});
    }
  return out;
}

}  // namespace

TEST_CASE("distances to scattered triangles are those of a search over all of them") {
  const auto triangles = scattered(37);
  const WallDistance walls(triangles);
  for (const Vec3& p : places(60)) {
    const WallPoint w = walls.nearest(p);
    CHECK_THAT(w.distance, WithinAbs(distance_by_search(triangles, p), 1e-6));
    CHECK_THAT(norm(w.direction), WithinAbs(1, 1e-12));
  }
}

TEST_CASE("the nearest place does not depend on order, threads or which points are asked beside") {
  const auto triangles = scattered(500);
  const WallDistance walls(triangles);
  const std::vector<Vec3> at = places(5000);
  std::vector<WallPoint> together(at.size());
  walls.nearest_parallel(at, together);
  for (std::size_t i = 0; i < at.size(); i += 7) {
    const WallPoint alone = walls.nearest(at[i]);
    REQUIRE(alone.distance == together[i].distance);
    REQUIRE(alone.direction == together[i].direction);
    REQUIRE(alone.on == together[i].on);
  }
}

TEST_CASE("beside a box: faces, edges, corners, and the wall itself") {
  const WallDistance walls(box({2, 1, 1}));
  const WallPoint above = walls.nearest({0.7, 0.4, 1.25});
  CHECK(above.on == WallPoint::On::face);
  CHECK(above.distance == 0.25);
  CHECK(norm(above.direction - Vec3{0, 0, 1}) < 1e-15);
  const WallPoint edge = walls.nearest({0.7, 1.3, 1.4});
  CHECK(edge.on == WallPoint::On::edge);
  CHECK_THAT(edge.distance, WithinAbs(0.5, 1e-15));
  CHECK_THAT(std::abs(edge.edge[0]), WithinAbs(1, 1e-15));
  CHECK(walls.nearest({3, 2, 2}).on == WallPoint::On::corner);
  const WallPoint on = walls.nearest({2, 0.3, 0.6});
  CHECK(on.distance < 1e-15);
  CHECK(on.direction == Vec3{1, 0, 0});
  CHECK(walls.normals(std::vector<Vec3>{{0.5, 0.5, -1e-9}}).front() == Vec3{0, 0, -1});
}

TEST_CASE("direction is the slope of the distance, and its derivative that of the direction") {
  const WallDistance walls(box({2, 1, 1}));
  const double h = 1e-6;
  for (const Vec3& p : {Vec3{0.7, 0.4, 1.25}, Vec3{0.7, 1.3, 1.4}, Vec3{2.3, 1.2, 1.4}, Vec3{-0.1, 0.5, -0.3}}) {
    const WallPoint w = walls.nearest(p);
    const auto derivative = w.derivative(0);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      Vec3 forth = p, back = p;
      forth[axis] += h, back[axis] -= h;
      const WallPoint up = walls.nearest(forth), down = walls.nearest(back);
      CHECK_THAT((up.distance - down.distance) / (2 * h), WithinAbs(w.direction[axis], 1e-8));
      for (std::size_t i = 0; i < 3; ++i)
        CHECK_THAT((up.direction[i] - down.direction[i]) / (2 * h), WithinAbs(derivative[i][axis], 1e-8));
    }
  }
}

TEST_CASE("faces known as discs give the distance of the surface they cover") {
  // A sphere of radius 1 in faces of about (0.05)^2.
  std::vector<Vec3> centers, normals;
  std::vector<double> areas;
  const int rings = 60;
  for (int i = 0; i < rings; ++i) {
    const double polar = (i + 0.5) * 3.14159265358979 / rings;
    const int count = std::max(1, static_cast<int>(2 * rings * std::sin(polar)));
    for (int k = 0; k < count; ++k) {
      const double around = (k + 0.5) * 2 * 3.14159265358979 / count;
      const Vec3 n{std::sin(polar) * std::cos(around), std::sin(polar) * std::sin(around), std::cos(polar)};
      centers.push_back(n), normals.push_back(n);
      areas.push_back(2 * 3.14159265358979 * std::sin(polar) / count * 3.14159265358979 / rings);
    }
  }
  const WallDistance walls(centers, normals, areas);
  for (const Vec3& p : places(200)) {
    const double r = norm(p);
    if (r < 1.01) continue;
    const WallPoint w = walls.nearest(p);
    CHECK_THAT(w.distance, WithinAbs(r - 1, 2e-3));
    CHECK(dot(w.direction, (1 / r) * p) > 0.99);
  }
  // A sixth of a face off the surface: nearest centres are much farther than that.
  CHECK_THAT(walls.nearest({1.008, 0, 0}).distance, WithinAbs(0.008, 1e-3));
}

TEST_CASE("a body twice as large has twice the distances, to the bit") {
  auto triangles = scattered(100);
  const WallDistance walls(triangles);
  for (Triangle& t : triangles)
    for (Vec3& corner : t) corner = 2.0 * corner;
  const WallDistance twice(triangles);
  for (const Vec3& p : places(100)) {
    const WallPoint a = walls.nearest(p), b = twice.nearest(2.0 * p);
    CHECK(b.distance == 2 * a.distance);
    CHECK(b.direction == a.direction);
  }
}

TEST_CASE("walls made again of their own triangles are the same") {
  const WallDistance walls(scattered(90));
  const WallDistance again(walls.triangles());
  CHECK(again.triangles() == walls.triangles());
  for (const Vec3& p : places(50)) CHECK(again.nearest(p).direction == walls.nearest(p).direction);
}

TEST_CASE("what has no area is left out, and nothing but that is an error") {
  const Vec3 o{0, 0, 0};
  CHECK_THROWS_AS(WallDistance(std::vector<Triangle>{{o, o, o}}), core::Error);
  const WallDistance walls(std::vector<Triangle>{{o, o, o}, {o, Vec3{1, 0, 0}, Vec3{0, 1, 0}}});
  CHECK(walls.nearest({0.2, 0.2, 3}).distance == 3);
}
