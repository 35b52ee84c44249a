#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <numbers>

#include "geometry/distance.hpp"
#include "geometry/refine.hpp"
#include "geometry/surface_report.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/message_of.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using Catch::Approx;

namespace {

double longest_edge(const SurfaceMesh& mesh) {
  double longest = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::size_t i = 0; i < mesh.corner_count(f); ++i)
      longest = std::max(longest, norm(mesh.corner(f, (i + 1) % mesh.corner_count(f)) - mesh.corner(f, i)));
  return longest;
}

double smallest_angle(const SurfaceMesh& mesh) {
  double least = 10;
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::size_t i = 0; i < 3; ++i) {
      const Vec3 a = mesh.corner(f, (i + 1) % 3) - mesh.corner(f, i),
                 b = mesh.corner(f, (i + 2) % 3) - mesh.corner(f, i);
      least = std::min(least, std::atan2(norm(cross(a, b)), dot(a, b)));
    }
  return least;
}

}  // namespace

TEST_CASE("refining keeps shape, patches and order, and leaves no point on an edge") {
  SurfaceMesh body = test::box_mesh({0, -0.2, 0.05}, {1.04, 0.2, 0.34}, 1, false);  // six quadrangles
  body.patch_names = {"x", "y", "z"};
  for (std::size_t f = 0; f < 6; ++f) body.patch[f] = static_cast<std::int32_t>(f / 2);
  // Shared points, as the readers give them.
  SurfaceMesh shared = body;
  for (auto& corner : shared.corners)
    corner = std::find(body.points.begin(), body.points.end(), body.points[static_cast<std::size_t>(corner)]) -
             body.points.begin();
  body = shared;

  const SurfaceMesh fine = refine(body, {0.03, 0});
  fine.check("fine");
  const SurfaceReport before = report(body), after = report(fine);
  CHECK(longest_edge(fine) <= 0.03);
  CHECK(longest_edge(fine) > 0.015);
  CHECK(after.watertight);
  CHECK(after.boundary_edges == 0);
  CHECK(after.area == Approx(before.area).epsilon(1e-11));
  CHECK(after.volume == Approx(before.volume).epsilon(1e-11));
  CHECK(fine.patch_names == body.patch_names);
  double area[3] = {0, 0, 0};
  for (std::size_t f = 0; f < fine.face_count(); ++f) area[fine.patch[f]] += norm(fine.area_vector(f));
  CHECK(area[0] == Approx(2 * 0.4 * 0.29));
  CHECK(area[1] == Approx(2 * 1.04 * 0.29));
  CHECK(std::is_sorted(fine.patch.begin(), fine.patch.end()));
  const DistanceField distance(body);
  for (const Vec3& p : fine.points) CHECK(distance.distance(p) < 1e-12);
}

TEST_CASE("so many triangles and few more; enough is left alone; angles stay") {
  const SurfaceMesh body = test::sphere_mesh(3);
  const SurfaceMesh fine = refine(body, {0, 5000});
  CHECK(fine.face_count() >= 5000);
  CHECK(fine.face_count() <= 5010);
  CHECK(smallest_angle(fine) >= 0.5 * smallest_angle(body));
  const SurfaceMesh same = refine(body, {0, 50});
  CHECK(same.face_count() == body.face_count());
  CHECK(refine(test::unit_cube(1, false), {2, 0}).corner_count(0) == 4);
  CHECK(refine(body, {0, 5000}).points == fine.points);
}

TEST_CASE("slivers and triangles that are lines do no harm") {
  SurfaceMesh body = test::unit_cube();
  test::add_face(body, {{0, 0, 0}, {1, 0, 0}, {1, 0, 0}});
  body.corners.back() = body.corners[body.corners.size() - 2];
  test::add_face(body, {{0, 0, 0}, {1, 0, 0}, {0.5, 0, 1e-9}});
  const SurfaceMesh fine = refine(body, {0.3, 0});
  fine.check("fine");
  CHECK(fine.face_count() > 100);
}

TEST_CASE("what would fill the memory is refused") {
  CHECK_THAT(test::message_of([] {
               refine(test::unit_cube(), {1e-5, 0});
             }),
             Catch::Matchers::ContainsSubstring("more than 20000000 triangles"));
}
