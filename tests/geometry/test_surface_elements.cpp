#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <vector>

#include "geometry/surface_elements.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using Catch::Approx;
using geometry::SurfaceElement;

namespace {

std::vector<SurfaceElement> all(const geometry::SurfaceMesh& mesh, double size, std::size_t block = 1000) {
  std::vector<SurfaceElement> out;
  geometry::for_each_element(mesh, size, block, [&](std::span<const SurfaceElement> elements) {
    CHECK(elements.size() <= block);
    CHECK_FALSE(elements.empty());
    out.insert(out.end(), elements.begin(), elements.end());
  });
  return out;
}

std::vector<SurfaceElement> on_lattice(const geometry::SurfaceMesh& mesh, double cell,
                                       const std::vector<char>& left_out = {}) {
  return geometry::lattice_elements(mesh, geometry::Lattice::oblique(mesh.bounds().low, cell), left_out);
}

// Turned, so that nothing is parallel to the lattice.
Vec3 turned(const Vec3& p) {
  const double a = 0.4, b = 0.7;
  const Vec3 q{std::cos(a) * p[0] - std::sin(a) * p[1], std::sin(a) * p[0] + std::cos(a) * p[1], p[2]};
  return {q[0], std::cos(b) * q[1] - std::sin(b) * q[2], std::sin(b) * q[1] + std::cos(b) * q[2]};
}
geometry::SurfaceMesh slab(int n, bool turn) {
  return test::bent_box(n, true, [&](Vec3 p) {
    const Vec3 q{0.5 * p[0], 0.2 * p[1], 0.15 * p[2]};
    return turn ? turned(q) : q;
  });
}

Vec3 pressure_force(const std::vector<SurfaceElement>& elements, const std::function<double(const Vec3&)>& pressure) {
  Vec3 force{0, 0, 0};
  for (const auto& e : elements) force = force - pressure(e.position) * e.area_vector;
  return force;
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

TEST_CASE("elements of a lattice: the force of a linear pressure is exact over coarse triangles") {
  for (const bool turn : {false, true}) {
    const auto elements = on_lattice(slab(1, turn), 0.05);
    const Vec3 force = pressure_force(elements, [](const Vec3& p) { return 3 + 2 * p[0] - 5 * p[1] + 7 * p[2]; });
    const double volume = 1.0 * 0.4 * 0.3;
    CHECK(force[0] == Approx(-2 * volume).epsilon(1e-10));
    CHECK(force[1] == Approx(5 * volume).epsilon(1e-10));
    CHECK(force[2] == Approx(-7 * volume).epsilon(1e-10));
    double area = 0;
    for (const auto& e : elements) {
      CHECK_FALSE(e.whole);
      CHECK(e.area >= norm(e.area_vector) * (1 - 1e-12));
      CHECK(e.area < 1.8 * 0.05 * 0.05);  // sqrt(2): the largest section of a cell, across two edges
      area += e.area;
    }
    CHECK(area == Approx(2 * (0.4 + 0.3 + 0.12)).epsilon(1e-12));
  }
}

TEST_CASE("elements of a lattice are those of the shape, whatever its triangles") {
  const auto peak = [](const Vec3& p) {
    return std::exp(-20 * std::abs(p[0] - 0.4)) * std::cos(30 * p[1]) + p[2] * p[2];
  };
  for (const bool turn : {false, true}) {
    const auto few = on_lattice(slab(1, turn), 0.03);
    const Vec3 force = pressure_force(few, peak);
    CHECK(norm(force) > 1e-4);
    for (const int n : {2, 7, 40}) {
      const auto many = on_lattice(slab(n, turn), 0.03);
      REQUIRE(many.size() == few.size());
      double worst = 0;
      for (std::size_t i = 0; i < few.size(); ++i) {
        worst = std::max(
            {worst, few[i].area * norm(many[i].position - few[i].position), std::abs(many[i].area - few[i].area)});
      }
      CHECK(worst < 1e-12);
      CHECK(norm(pressure_force(many, peak) - force) < 1e-9);
    }
  }
  // Curves too, as far as their triangles are the same shape: 2e-3 is what 24 and 60 of them to a quarter of the circle
  // differ in volume.
  const auto ball = [&](int n) {
    return pressure_force(on_lattice(test::sphere_mesh(n), 0.1), [](const Vec3& p) { return p[0]; })[0];
  };
  CHECK(ball(24) == Approx(ball(60)).epsilon(4e-3));
  CHECK(ball(60) == Approx(-4.0 / 3 * std::numbers::pi).epsilon(2e-3));
}

TEST_CASE("elements of a lattice keep patches and the two sides of a plate apart, and what is left out is left out") {
  auto mesh = test::box_mesh({0, 0, 0}, {1, 1, 0.001}, 2);
  const auto both = on_lattice(mesh, 0.25);
  for (const auto& e : both) CHECK((std::abs(e.area_vector[2]) == Approx(e.area) || e.area < 0.001));
  std::vector<char> left_out(mesh.face_count(), 0);
  mesh.patch_names = {"below", "above"};
  for (std::size_t f = 0; f < mesh.face_count(); ++f) mesh.patch[f] = mesh.centroid(f)[0] > 0.4;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) left_out[f] = mesh.area_vector(f)[2] < 0;
  double area[2] = {0, 0};
  for (const auto& e : on_lattice(mesh, 0.25, left_out)) {
    CHECK(e.area_vector[2] > -1e-12);
    CHECK_FALSE(left_out[static_cast<std::size_t>(e.face)]);
    area[mesh.patch[static_cast<std::size_t>(e.face)]] += e.area;
  }
  double wanted[2] = {0, 0};
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    if (!left_out[f]) wanted[mesh.patch[f]] += norm(mesh.area_vector(f));
  for (int i = 0; i < 2; ++i) CHECK(area[i] == Approx(wanted[i]).epsilon(1e-12));
}

TEST_CASE("elements of a lattice: polygons that fold back, faces without area, a flat mesh") {
  geometry::SurfaceMesh mesh;
  // An L whose fan from the first corner leaves it.
  test::add_face(mesh, {{0, 2, 1}, {0, 0, 1}, {2, 0, 1}, {2, 1, 1}, {1, 1, 1}, {1, 2, 1}});
  test::add_face(mesh, {{0, 0, 1}, {0, 0, 1}, {2, 0, 1}});
  test::add_face(mesh, {{0, 0, 1}, {1, 0, 1}, {2, 0, 1}});
  Vec3 area{0, 0, 0}, moment{0, 0, 0};
  for (const auto& e : on_lattice(mesh, 0.13)) {
    area = area + e.area_vector, moment = moment + e.area * e.position;
    CHECK((e.position[0] < 1.07 || e.position[1] < 1.07));  // bent round the corner: in the middle of its ends
  }
  CHECK(area[2] == Approx(3).epsilon(1e-12));
  CHECK(moment[0] == Approx(2.5).epsilon(1e-12));  // 2 x 1 about 1, 1 x 1 about 0.5
  CHECK(moment[2] == Approx(3).epsilon(1e-12));
  CHECK(on_lattice(geometry::SurfaceMesh{}, 1).empty());
}
