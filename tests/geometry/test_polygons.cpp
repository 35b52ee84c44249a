#include <algorithm>
#include <array>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "geometry/polygons.hpp"
#include "geometry/surface_elements.hpp"
#include "geometry/surface_report.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

namespace {

SurfaceMesh polygon(const std::vector<Vec3>& corners) {
  SurfaceMesh mesh;
  mesh.points = corners;
  mesh.offsets = {0, static_cast<std::int64_t>(corners.size())};
  for (std::size_t i = 0; i < corners.size(); ++i) mesh.corners.push_back(static_cast<std::int64_t>(i));
  mesh.patch = {0}, mesh.patch_names = {"a"};
  return mesh;
}

struct Filled {
  bool simple = false;
  double area = 0, along = 0;  // of the triangles; of those along the polygon's normal
  std::set<std::array<Vec3, 3>> triangles;
};

Filled fill(const std::vector<Vec3>& corners) {
  const SurfaceMesh mesh = polygon(corners);
  std::vector<std::array<int, 3>> cut;
  Filled out;
  out.simple = cut_polygon(mesh, 0, cut);
  const Vec3 normal = (1 / norm(mesh.area_vector(0))) * mesh.area_vector(0);
  for (const auto& t : cut) {
    std::array<Vec3, 3> at;
    for (int i = 0; i < 3; ++i) at[i] = corners[static_cast<std::size_t>(t[i])];
    const Vec3 area = 0.5 * cross(at[1] - at[0], at[2] - at[0]);
    out.area += norm(area), out.along += dot(area, normal);
    std::rotate(at.begin(), std::min_element(at.begin(), at.end()), at.end());
    out.triangles.insert(at);
  }
  return out;
}

// The same triangles from whichever corner, and their number, area and direction.
void check(const std::vector<Vec3>& corners, std::size_t triangles, double area) {
  const Filled first = fill(corners);
  CHECK(first.simple);
  CHECK(first.triangles.size() == triangles);
  CHECK(first.area == Approx(area).epsilon(1e-12));
  CHECK(first.along == Approx(area).epsilon(1e-12));
  std::vector<Vec3> turned = corners;
  for (std::size_t i = 1; i < corners.size(); ++i) {
    std::rotate(turned.begin(), turned.begin() + 1, turned.end());
    CHECK(fill(turned).triangles == first.triangles);
  }
}

Vec3 turned(const Vec3& p) {  // out of every axis
  constexpr double c = 0.8, s = 0.6;
  const Vec3 q{c * p[0] - s * p[1], s * p[0] + c * p[1], p[2]};
  return {q[0] + 3, c * q[1] - s * q[2] - 1, s * q[1] + c * q[2] + 0.5};
}

std::vector<Vec3> in_space(std::vector<Vec3> flat) {
  for (Vec3& p : flat) p = turned(p);
  return flat;
}

}  // namespace

TEST_CASE("simple polygons are filled whichever corner they start from") {
  SECTION("convex: a square, a kite, a hexagon") {
    check(in_space({{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}}), 2, 1);
    check(in_space({{0, 0, 0}, {1, -0.2, 0}, {3, 0, 0}, {1, 0.2, 0}}), 2, 0.6);
    std::vector<Vec3> hexagon;
    for (int i = 0; i < 6; ++i) hexagon.push_back({std::cos(i * M_PI / 3), std::sin(i * M_PI / 3), 0});
    check(in_space(hexagon), 4, 1.5 * std::sqrt(3.0));
  }
  SECTION("concave: an arrow, an L, a comb") {
    check(in_space({{0, 0, 0}, {2, 1, 0}, {0, 2, 0}, {0.5, 1, 0}}), 2, 1.5);
    check(in_space({{0, 0, 0}, {2, 0, 0}, {2, 1, 0}, {1, 1, 0}, {1, 2, 0}, {0, 2, 0}}), 4, 3);
    std::vector<Vec3> comb{{0, 0, 0}, {9, 0, 0}};
    for (int i = 4; i >= 0; --i) {
      comb.push_back({2.0 * i + 1, 5, 0}), comb.push_back({2.0 * i, 5, 0});
      if (i > 0) comb.push_back({2.0 * i, 1, 0}), comb.push_back({2.0 * i - 1, 1, 0});
    }
    check(in_space(comb), comb.size() - 2, 9 * 1 + 5 * 4);
  }
  SECTION("corners in the middle of edges stay corners") {
    check(in_space({{0, 0, 0}, {0.5, 0, 0}, {1, 0, 0}, {0, 1, 0}}), 2, 0.5);
    check(in_space({{0, 0, 0}, {0.25, 0, 0}, {0.5, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0.5, 1, 0}, {0, 1, 0}, {0, 0.5, 0}}),
          6, 1);
  }
  SECTION("a hole that the outline runs to and back") {
    check(in_space({{0, 0, 0},
                    {3, 0, 0},
                    {3, 3, 0},
                    {0, 3, 0},
                    {0, 0, 0},
                    {1, 1, 0},
                    {1, 2, 0},
                    {2, 2, 0},
                    {2, 1, 0},
                    {1, 1, 0}}),
          8, 8);
  }
}

TEST_CASE("a bent quad is cut along its shorter diagonal") {
  const Filled roof = fill({{0, 0, 0}, {2, 0, 0.3}, {2.5, 1, 0}, {0, 1, 0.3}});
  CHECK(roof.simple);
  CHECK(roof.triangles.count({Vec3{0, 0, 0}, Vec3{2, 0, 0.3}, Vec3{0, 1, 0.3}}) == 1);
}

TEST_CASE("random star-shaped polygons are filled without overlap") {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> radius(0.05, 1.0);
  for (int round = 0; round < 50; ++round) {
    const int n = 5 + round % 20;
    std::vector<Vec3> flat;
    double area = 0;
    for (int i = 0; i < n; ++i) {
      const double r = radius(random), at = 2 * M_PI * i / n;
      flat.push_back({r * std::cos(at), r * std::sin(at), 0});
    }
    for (int i = 0; i < n; ++i)
      area += 0.5 * cross(flat[static_cast<std::size_t>(i)], flat[static_cast<std::size_t>((i + 1) % n)])[2];
    check(in_space(flat), static_cast<std::size_t>(n - 2), area);
  }
}

TEST_CASE("polygons that cut themselves are said to") {
  CHECK_FALSE(fill({{0, 0, 0}, {2, 2, 0}, {2, 0, 0}, {0, 1, 0}}).simple);              // a bow tie
  CHECK_FALSE(fill({{0, 0, 0}, {4, 0, 0}, {4, 4, 0}, {1, -1, 0}, {0, 4, 0}}).simple);  // an edge across another
  CHECK_FALSE(fill({{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}})
                  .simple);  // twice round

  SurfaceMesh mesh = polygon({{0, 0, 0}, {2, 2, 0}, {2, 0, 0}, {0, 1, 0}});
  for (int copy = 0; copy < 3; ++copy) {
    mesh.offsets.push_back(mesh.offsets.back() + 3), mesh.patch.push_back(0);
    for (const std::int64_t c : {0, 1, 2}) mesh.corners.push_back(c);
  }
  const SurfaceReport found = report(mesh);
  CHECK(found.crossing_polygons == 1);
  CHECK_THAT(found.first_crossing, ContainsSubstring("face 0 of 'a', 4 corners around ("));
  CHECK_THAT(to_text(found, ""), ContainsSubstring("1 polygon with an outline that cuts itself"));
  const Preparation done = prepare(mesh, found, "'a.obj'");
  CHECK_THAT(done.warnings.at(0), ContainsSubstring("the outline of 1 polygon cuts itself (face 0"));
}
