// What is known of the distance between a curve and its triangles, against what check_facets finds without the curve.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <functional>
#include <map>
#include <numbers>

#include "geometry/refine.hpp"
#include "geometry/shape_checks.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using namespace streamtube::test;
using Catch::Matchers::WithinRel;

namespace {

constexpr double kPi = std::numbers::pi;

double area_of(const SurfaceMesh& mesh) {
  double sum = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) sum += norm(mesh.area_vector(f));
  return sum;
}

// Mean over the area of a distance, by 36 points a triangle.
double mean_of(const SurfaceMesh& mesh, const std::function<double(const Vec3&)>& distance) {
  constexpr int n = 8;
  double sum = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    double mean = 0;
    int count = 0;
    for (int i = 0; i < n; ++i)
      for (int j = 0; i + j < n; ++j, ++count) {
        const double u = (i + 1.0 / 3) / n, v = (j + 1.0 / 3) / n;
        mean += distance((1 - u - v) * mesh.corner(f, 0) + u * mesh.corner(f, 1) + v * mesh.corner(f, 2));
      }
    sum += norm(mesh.area_vector(f)) * mean / count;
  }
  return sum / area_of(mesh);
}

// A surface over a grid of nu x nv quadrangles, closed in u where `point` is; each cut in two along one diagonal or,
// `other`, along the other.
SurfaceMesh grid(int nu, int nv, bool other, const std::function<Vec3(double, double)>& point) {
  SurfaceMesh mesh;
  for (int i = 0; i < nu; ++i)
    for (int j = 0; j < nv; ++j) {
      const auto at = [&](int a, int b) { return point(1.0 * ((i + a) % nu) / nu, 1.0 * (j + b) / nv); };
      const Vec3 p = at(0, 0), q = at(1, 0), r = at(1, 1), s = at(0, 1);
      if (other) {
        add_face(mesh, {p, q, s});
        add_face(mesh, {q, r, s});
      } else {
        add_face(mesh, {p, q, r});
        add_face(mesh, {p, r, s});
      }
    }
  return mesh;
}

SurfaceMesh cylinder(int around, int along, double radius, double length, bool other = false) {
  return grid(around, along, other, [=](double u, double v) {
    return Vec3{length * v, radius * std::cos(2 * kPi * u), radius * std::sin(2 * kPi * u)};
  });
}

// An icosahedron cut `times` in four and put on the unit sphere: triangles all but equal.
SurfaceMesh icosphere(int times) {
  const double g = std::numbers::phi;
  std::vector<std::array<Vec3, 3>> faces;
  const Vec3 p[12] = {{-1, g, 0},  {1, g, 0},  {-1, -g, 0}, {1, -g, 0}, {0, -1, g},  {0, 1, g},
                      {0, -1, -g}, {0, 1, -g}, {g, 0, -1},  {g, 0, 1},  {-g, 0, -1}, {-g, 0, 1}};
  constexpr int t[20][3] = {{0, 11, 5},  {0, 5, 1},  {0, 1, 7},  {0, 7, 10}, {0, 10, 11}, {1, 5, 9}, {5, 11, 4},
                            {11, 10, 2}, {10, 7, 6}, {7, 1, 8},  {3, 9, 4},  {3, 4, 2},   {3, 2, 6}, {3, 6, 8},
                            {3, 8, 9},   {4, 9, 5},  {2, 4, 11}, {6, 2, 10}, {8, 6, 7},   {9, 8, 1}};
  const auto unit = [](const Vec3& x) { return (1 / norm(x)) * x; };
  for (const auto& i : t) faces.push_back({unit(p[i[0]]), unit(p[i[1]]), unit(p[i[2]])});
  for (int k = 0; k < times; ++k) {
    std::vector<std::array<Vec3, 3>> finer;
    for (const auto& [a, b, c] : faces) {
      const Vec3 ab = unit(a + b), bc = unit(b + c), ca = unit(c + a);
      for (const auto& f :
           {std::array{a, ab, ca}, std::array{ab, b, bc}, std::array{ca, bc, c}, std::array{ab, bc, ca}})
        finer.push_back(f);
    }
    faces = std::move(finer);
  }
  SurfaceMesh mesh;
  for (const auto& [a, b, c] : faces) add_face(mesh, {a, b, c});
  return mesh;
}

}  // namespace

TEST_CASE("cylinders in strips are off by two thirds of the sagitta, whichever way the strips are cut") {
  for (const int n : {8, 12, 24, 40})
    for (const int along : {1, 5, 40})
      for (const bool other : {false, true}) {
        CAPTURE(n, along, other);
        const double radius = 0.7;
        const auto found = check_facets(cylinder(n, along, radius, 2, other));
        const double sagitta = radius * (1 - std::cos(kPi / n));
        CHECK_THAT(found.step, WithinRel(2.0 / 3 * sagitta, n == 8 ? 0.06 : 0.03));
        CHECK_THAT(found.turn, WithinRel(2 * kPi / n, 1e-9));
        CHECK_THAT(found.stepped, WithinRel(1.0, 1e-9));
      }
  // Beyond 45 facets to the circle an edge turns by less than 8 degrees.
  CHECK(check_facets(cylinder(46, 3, 1, 1)).step == 0);
}

TEST_CASE("facets stay facets when they are cut in small triangles") {
  const SurfaceMesh coarse = cylinder(12, 1, 0.5, 1);
  const SurfaceMesh fine = refine(coarse, {0.03, 0});
  REQUIRE(fine.face_count() > 30 * coarse.face_count());
  CHECK_THAT(check_facets(fine).step, WithinRel(check_facets(coarse).step, 0.02));
}

TEST_CASE("spheres of equal triangles and of quadrangles") {
  const auto off = [](const Vec3& p) { return 1 - norm(p); };
  for (const int times : {1, 2}) {
    const SurfaceMesh mesh = icosphere(times);
    const auto found = check_facets(mesh);
    CAPTURE(times, found.turn * 180 / kPi);
    // Of the finer one, some edges turn by less than 8 degrees.
    CHECK_THAT(found.step, WithinRel(mean_of(mesh, off), times == 1 ? 0.15 : 0.35));
    CHECK(found.stepped > 0.95);
  }
  CHECK(check_facets(icosphere(3)).step == 0);  // turns of 4 to 5 degrees
  for (const int n : {4, 6, 8}) {
    const SurfaceMesh mesh = sphere_mesh(n);
    const auto found = check_facets(mesh);
    CAPTURE(n, found.turn * 180 / kPi);
    CHECK_THAT(found.step, WithinRel(mean_of(mesh, off), 0.35));
  }
  CHECK(check_facets(sphere_mesh(24)).step == 0);
}

TEST_CASE("a torus") {
  const auto torus = [](int around, int through) {
    SurfaceMesh mesh;
    const auto point = [&](int i, int j) {
      const double u = 2 * kPi * (i % around) / around, v = 2 * kPi * (j % through) / through;
      return Vec3{(1 + 0.3 * std::cos(v)) * std::cos(u), (1 + 0.3 * std::cos(v)) * std::sin(u), 0.3 * std::sin(v)};
    };
    for (int i = 0; i < around; ++i)
      for (int j = 0; j < through; ++j) {
        add_face(mesh, {point(i, j), point(i + 1, j), point(i + 1, j + 1)});
        add_face(mesh, {point(i, j), point(i + 1, j + 1), point(i, j + 1)});
      }
    return mesh;
  };
  const auto off = [](const Vec3& p) { return std::abs(0.3 - std::hypot(std::hypot(p[0], p[1]) - 1, p[2])); };
  for (const auto& [around, through] : {std::pair{30, 12}, std::pair{40, 20}, std::pair{24, 16}}) {
    const SurfaceMesh mesh = torus(around, through);
    const auto found = check_facets(mesh);
    CAPTURE(around, through, found.turn * 180 / kPi);
    CHECK_THAT(found.step, WithinRel(mean_of(mesh, off), 0.25));
  }
}

TEST_CASE("edges that are meant are no curves") {
  // Boxes, chamfers, a slant, a fillet between large sides, a pyramid's edges, a roof bent once.
  CHECK(check_facets(unit_cube(7)).step == 0);
  const auto chamfered = [](double c) {
    return prism({{c, 0, 0},
                  {1 - c, 0, 0},
                  {1, 0, c},
                  {1, 0, 0.4 - c},
                  {1 - c, 0, 0.4},
                  {c, 0, 0.4},
                  {0, 0, 0.4 - c},
                  {0, 0, c}},
                 0.4);
  };
  for (const double c : {0.005, 0.02, 0.05}) CHECK(check_facets(refine(chamfered(c), {0.02, 0})).step < 1e-12);
  const SurfaceMesh slanted = prism({{0, 0, 0}, {1, 0, 0}, {1, 0, 0.2}, {0.8, 0, 0.3}, {0, 0, 0.3}}, 0.4);
  CHECK(check_facets(refine(slanted, {0.03, 0})).step == 0);
  // A crease of 12 degrees along a gently curved door, as finely resolved as cars are.
  const auto door = [](bool crease) {
    return grid(400, 40, false, [=](double u, double v) {
      const double a = 0.5 * (u - 0.5), kink = crease ? 0.1 * std::abs(v - 0.5) : 0;
      return Vec3{4 * std::sin(a), 0.3 * v * (1 - v) - kink, v + 4 * (1 - std::cos(a))};
    });
  };
  CHECK(check_facets(door(true)).step < 1e-12);
  CHECK(check_facets(door(false)).step < 1e-12);
}

TEST_CASE("a car-like ellipsoid: only where it is really off its shape") {
  // Half axes as of a car 1 m long; 12 n^2 triangles, whose largest turns are at nose and tail.
  double last = 1;
  for (const int n : {6, 12, 20, 40, 60}) {
    SurfaceMesh mesh = sphere_mesh(n);
    const Vec3 half = {0.5, 0.2, 0.15};
    for (Vec3& p : mesh.points) p = {half[0] * p[0], half[1] * p[1], half[2] * p[2]};
    const double truth = mean_of(mesh, [&](const Vec3& p) {
      const Vec3 g = {p[0] / half[0] / half[0], p[1] / half[1] / half[1], p[2] / half[2] / half[2]};
      return std::abs(1 - dot(p, g)) / (2 * norm(g));
    });
    const auto found = check_facets(mesh);
    CAPTURE(n, mesh.face_count(), truth, found.step, found.turn * 180 / kPi);
    CHECK(found.step < 1.25 * truth);             // never more than it is
    if (n == 6) CHECK(found.step > 0.4 * truth);  // the flanks turn by less than 8 degrees
    CHECK(found.step <= last);
    last = found.step;
  }
  CHECK(last < 1e-5);
}

TEST_CASE("the distance goes with the size of the body and no other number does") {
  SurfaceMesh mesh = icosphere(1);
  const auto one = check_facets(mesh);
  for (const double factor : {1e-3, 1e3}) {
    SurfaceMesh other = mesh;
    for (Vec3& p : other.points) p = factor * p;
    const auto found = check_facets(other);
    CHECK_THAT(found.step, WithinRel(factor * one.step, 1e-9));
    CHECK_THAT(found.turn, WithinRel(one.turn, 1e-9));
    CHECK_THAT(found.stepped, WithinRel(one.stepped, 1e-9));
  }
  CHECK(check_facets(SurfaceMesh{}).step == 0);
}
