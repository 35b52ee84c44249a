#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "solver/surface_elements.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using Catch::Approx;
using solver::SurfaceElement;

namespace {

std::vector<SurfaceElement> all(const geometry::SurfaceMesh& mesh, double size, std::size_t block = 1000) {
  std::vector<SurfaceElement> out;
  solver::for_each_element(mesh, size, block, [&](std::span<const SurfaceElement> elements) {
    CHECK(elements.size() <= block);
    CHECK_FALSE(elements.empty());
    out.insert(out.end(), elements.begin(), elements.end());
  });
  return out;
}

}  // namespace

TEST_CASE("small faces stay whole, large ones are cut until they are small") {
  geometry::SurfaceMesh mesh;
  test::add_face(mesh, {{0, 0, 0}, {0.01, 0, 0}, {0, 0.01, 0}});                   // small triangle
  test::add_face(mesh, {{0, 0, 1}, {0.01, 0, 1}, {0.01, 0.01, 1}, {0, 0.01, 1}});  // small quadrangle
  test::add_face(mesh, {{0, 0, 2}, {1, 0, 2}, {1, 2, 2}, {0, 2, 2}});              // large quadrangle
  test::add_face(mesh, {{0, 0, 3}, {5, 0, 3}, {5, 0.001, 3}});                     // long and thin
  const auto elements = all(mesh, 0.05);
  REQUIRE(elements.size() > 4);
  CHECK(elements[0].whole);
  CHECK(elements[0].face == 0);
  CHECK(elements[0].position[0] == Approx(0.01 / 3));
  CHECK(elements[1].whole);
  CHECK(elements[1].area_vector[2] == Approx(1e-4));
  std::vector<double> area(4, 0.0);
  std::int64_t before = 0;
  for (const auto& e : elements) {
    CHECK(e.face >= before);  // in the order of the faces
    before = e.face;
    CHECK(norm(e.area_vector) <= 2 * 0.05 * 0.05 * (1 + 1e-12));
    CHECK(e.area_vector[2] > 0);
    if (e.face >= 2) CHECK_FALSE(e.whole);
    area[static_cast<std::size_t>(e.face)] += norm(e.area_vector);
  }
  CHECK(area[2] == Approx(2.0).epsilon(1e-12));
  CHECK(area[3] == Approx(0.0025).epsilon(1e-9));
}

TEST_CASE("elements of a closed body close, however they are handed over") {
  const auto mesh = test::bent_box(2, true, [](Vec3 p) { return Vec3{0.5 * p[0], 0.3 * p[1], 0.2 * p[2]}; });
  const auto elements = all(mesh, 0.03);
  Vec3 sum{0, 0, 0};
  double area = 0, volume = 0;
  for (const auto& e : elements) {
    sum = sum + e.area_vector;
    area += norm(e.area_vector);
    volume += dot(e.position, e.area_vector) / 3;
  }
  CHECK(norm(sum) < 1e-12);
  CHECK(area == Approx(2 * (1.0 * 0.6 + 0.6 * 0.4 + 1.0 * 0.4)).epsilon(1e-12));
  CHECK(volume == Approx(1.0 * 0.6 * 0.4).epsilon(1e-12));
  const auto again = all(mesh, 0.03, 7);
  REQUIRE(again.size() == elements.size());
  for (std::size_t i = 0; i < again.size(); ++i) CHECK(again[i].position == elements[i].position);
}

TEST_CASE("faces without area are left out") {
  geometry::SurfaceMesh mesh;
  test::add_face(mesh, {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}});
  test::add_face(mesh, {{0, 0, 0}, {10, 0, 0}, {5, 0, 0}});  // long, flat
  test::add_face(mesh, {{0, 0, 0}, {0.01, 0, 0}, {0, 0.01, 0}});
  const auto elements = all(mesh, 0.05);
  REQUIRE(elements.size() == 1);
  CHECK(elements[0].face == 2);
}
