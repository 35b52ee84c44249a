#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <limits>

#include "core/error.hpp"
#include "geometry/surface_mesh.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using namespace streamtube::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

void check_near(const Vec3& a, const Vec3& b, double tolerance = 1e-14) {
  for (int i = 0; i < 3; ++i) CHECK_THAT(a[i], WithinAbs(b[i], tolerance));
}

}  // namespace

TEST_CASE("area vector and centroid of an L-shaped polygon") {
  // 2 x 2 without its upper right quarter: area 3, centre (5/6, 5/6). Started at the reflex corner and elsewhere.
  std::vector<Vec3> corners{{0, 0, 5}, {2, 0, 5}, {2, 1, 5}, {1, 1, 5}, {1, 2, 5}, {0, 2, 5}};
  for (int start = 0; start < 6; ++start) {
    SurfaceMesh mesh;
    add_face(mesh, corners);
    check_near(mesh.area_vector(0), {0, 0, 3});
    check_near(mesh.centroid(0), {5.0 / 6, 5.0 / 6, 5});
    turn_face(mesh, 0);
    check_near(mesh.area_vector(0), {0, 0, -3});
    check_near(mesh.centroid(0), {5.0 / 6, 5.0 / 6, 5});
    std::rotate(corners.begin(), corners.begin() + 1, corners.end());
  }
}

TEST_CASE("a small face far away keeps its area") {
  SurfaceMesh mesh;
  add_face(mesh, {{1e6, 1e6, 1e6}, {1e6 + 0.0078125, 1e6, 1e6}, {1e6, 1e6 + 0.0078125, 1e6}});
  CHECK_THAT(mesh.area_vector(0)[2], WithinRel(0.5 * 0.0078125 * 0.0078125, 1e-12));
}

TEST_CASE("centroid of a face without area is the middle of its corners") {
  SurfaceMesh mesh;
  add_face(mesh, {{0, 0, 0}, {1, 0, 0}, {5, 0, 0}});
  check_near(mesh.area_vector(0), {0, 0, 0});
  check_near(mesh.centroid(0), {2, 0, 0});
}

TEST_CASE("closed surface: area vectors add up to nothing, sphere area and volume converge") {
  const SurfaceMesh mesh = sphere_mesh(24, 2, {1, 2, 3});
  Vec3 sum{0, 0, 0};
  double area = 0, volume = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const Vec3 a = mesh.area_vector(f);
    sum = sum + a;
    area += norm(a);
    volume += dot(a, mesh.centroid(f)) / 3;
  }
  check_near(sum, {0, 0, 0}, 1e-12);
  CHECK_THAT(area, WithinRel(16 * std::numbers::pi, 2e-3));
  CHECK_THAT(volume, WithinRel(32 * std::numbers::pi / 3, 4e-3));
  check_near(mesh.bounds().low, {-1, 0, 1}, 1e-12);
  check_near(mesh.bounds().high, {3, 4, 5}, 1e-12);
}

TEST_CASE("bounds are those of the used points") {
  SurfaceMesh mesh = unit_cube();
  mesh.points.push_back({100, 0, 0});
  CHECK(mesh.bounds().high == Vec3{1, 1, 1});
  CHECK(SurfaceMesh{}.bounds().empty());
}

TEST_CASE("triangulation keeps area and remembers faces") {
  SurfaceMesh mesh = unit_cube(2, false);
  add_face(mesh, {{0, 0, 9}, {2, 0, 9}, {3, 1, 9}, {2, 2, 9}, {0, 2, 9}});
  const Triangles t = triangulate(mesh);
  REQUIRE(t.corners.size() == 24 * 2 + 3);
  REQUIRE(t.face.size() == t.corners.size());
  std::vector<Vec3> sum(mesh.face_count(), Vec3{0, 0, 0});
  for (std::size_t i = 0; i < t.corners.size(); ++i) {
    const auto& c = t.corners[i];
    sum[t.face[i]] = sum[t.face[i]] + 0.5 * cross(t.points[c[1]] - t.points[c[0]], t.points[c[2]] - t.points[c[0]]);
  }
  for (std::size_t f = 0; f < mesh.face_count(); ++f) check_near(sum[f], mesh.area_vector(f));
  CHECK(triangulate(SurfaceMesh{}).corners.empty());
}

TEST_CASE("check names the place and the offender") {
  const auto message = [](const SurfaceMesh& mesh) -> std::string {
    try {
      mesh.check("car.stl");
    } catch (const core::Error& e) {
      CHECK(e.kind() == core::ErrorKind::input);
      CHECK_FALSE(e.hint().empty());
      return e.message();
    }
    return "";
  };
  SurfaceMesh mesh = unit_cube();
  CHECK(message(mesh).empty());
  CHECK_THAT(message(SurfaceMesh{}), ContainsSubstring("car.stl") && ContainsSubstring("no faces"));

  SurfaceMesh bad = mesh;
  bad.corners[4] = 36;
  CHECK_THAT(message(bad), ContainsSubstring("face 1 refers to point 36"));
  bad.corners[4] = -1;
  CHECK_THAT(message(bad), ContainsSubstring("point -1"));

  bad = mesh;
  add_face(bad, {{0, 0, 0}, {1, 0, 0}});
  CHECK_THAT(message(bad), ContainsSubstring("face 12 has 2 corners"));

  bad = mesh;
  bad.points[7][1] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(message(bad), ContainsSubstring("point 7 is not finite"));
  bad.points[7][1] = std::numeric_limits<double>::infinity();
  CHECK_THAT(message(bad), ContainsSubstring("point 7 is not finite"));

  bad = mesh;
  bad.offsets[3] = 100;  // goes down again after it
  CHECK_FALSE(message(bad).empty());
  bad = mesh;
  bad.offsets.back() += 3;
  CHECK_THAT(message(bad), ContainsSubstring("offsets"));

  bad = mesh;
  bad.attributes.push_back({"pressure", Association::faces, 1, std::vector<float>(11)});
  CHECK_THAT(message(bad), ContainsSubstring("'pressure' has 11 values, 12 faces"));
  bad.attributes[0].values.resize(12);
  CHECK(message(bad).empty());
  bad.attributes[0].components = 0;
  CHECK_FALSE(message(bad).empty());

  bad = mesh;
  bad.patch.pop_back();
  CHECK_FALSE(message(bad).empty());
  bad = mesh;
  bad.patch[5] = 1;
  CHECK_THAT(message(bad), ContainsSubstring("face 5 is in patch 1"));
}
