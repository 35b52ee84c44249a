#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>

#include "core/error.hpp"
#include "physics/forces.hpp"

using namespace streamtube;
using namespace streamtube::physics;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

// Calls f(position, normal, area) for small faces of the sphere of radius r around `center`.
template <class F>
void sphere(double r, const Vec3& center, int n, F&& f) {
  const double pi = std::acos(-1.0);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < 2 * n; ++j) {
      const double z = -1 + 2 * (i + 0.5) / n, phi = pi * (j + 0.5) / n, s = std::sqrt(1 - z * z);
      const Vec3 normal{s * std::cos(phi), s * std::sin(phi), z};
      f(center + r * normal, normal, 2 * pi * r * r / (double(n) * n));
    }
}

}  // namespace

TEST_CASE("a sphere: pressure of cos(theta) and constant shear, against the integrals by hand") {
  const double pi = std::acos(-1.0), r = 0.5;
  ReferenceScales scales;
  scales.area = pi * r * r;
  scales.length = 2 * r;
  ForceIntegrator integrator{ForceAxes{}};
  // Cp = -n_x gives a drag of int n_x^2 dA = 4/3 pi r^2; Cf = (0, 0, 0.01) a lift of 0.01 times 4 pi r^2.
  sphere(r, {0, 0, 0}, 200, [&](const Vec3& x, const Vec3& n, double area) {
    integrator.add(x, n, area, -n[0], {0, 0, 0.01});
  });
  const auto c = integrator.result(scales);
  CHECK_THAT(c.pressure.drag, WithinRel(4.0 / 3, 1e-4));
  CHECK_THAT(c.friction.lift, WithinRel(0.04, 1e-9));
  CHECK_THAT(c.cd(), WithinRel(4.0 / 3, 1e-4));
  CHECK_THAT(c.cl(), WithinRel(0.04, 1e-9));
  CHECK_THAT(c.cs(), WithinAbs(0, 1e-12));
  for (const double m : {c.cm_roll(), c.cm_pitch(), c.cm_yaw()}) CHECK_THAT(m, WithinAbs(0, 1e-12));
}

TEST_CASE("a constant pressure on a closed body gives no force and no moment") {
  ForceIntegrator integrator{ForceAxes{}};
  sphere(2, {5, 6, 7}, 100, [&](const Vec3& x, const Vec3& n, double area) {
    integrator.add(x, n, area, 3, {0, 0, 0});
  });
  const auto c = integrator.result(ReferenceScales{});
  for (const double v : {c.cd(), c.cl(), c.cs(), c.cm_roll(), c.cm_pitch(), c.cm_yaw()})
    CHECK_THAT(v, WithinAbs(0, 1e-8));
}

TEST_CASE("one face: signs, axes, moments and reference quantities") {
  ForceAxes axes;
  axes.moment_center = {1, 0, 0};
  ReferenceScales scales;
  scales.area = 2;
  scales.length = 4;
  ForceIntegrator integrator(axes);
  // A face looking up at (3, 1, 0) with suction: force (0, 0, +0.5 * 8); arm (2, 1, 0); moment (1, -2, 0) * 4.
  integrator.add({3, 1, 0}, {0, 0, 1}, 8, -0.5, {0, 0, 0});
  auto c = integrator.result(scales);
  CHECK(c.cl() == 2);
  CHECK(c.cd() == 0);
  CHECK(c.cm_roll() == 0.5);
  CHECK(c.cm_pitch() == -1);
  CHECK(c.cm_yaw() == 0);
  // Friction along x there: force (0.8, 0, 0); moment (0, 0, -1) * 0.8.
  integrator.add({3, 1, 0}, {0, 0, 1}, 8, 0, {0.1, 0, 0});
  c = integrator.result(scales);
  CHECK_THAT(c.friction.drag, WithinRel(0.4, 1e-14));
  CHECK(c.pressure.drag == 0);
  CHECK_THAT(c.friction.yaw, WithinRel(-0.1, 1e-14));
}

TEST_CASE("rotating the body and the axes changes no coefficient") {
  auto rotate = [](const Vec3& v) { return Vec3{v[1], v[2], v[0]}; };  // a rotation by 120 degrees
  ForceAxes axes, turned;
  axes.moment_center = {0.3, 0.1, -0.2};
  turned.drag = rotate(axes.drag), turned.side = rotate(axes.side), turned.lift = rotate(axes.lift);
  turned.moment_center = rotate(axes.moment_center);
  ForceIntegrator a(axes), b(turned);
  sphere(1, {0.2, 0.5, 0.1}, 20, [&](const Vec3& x, const Vec3& n, double area) {
    const double cp = std::sin(3 * x[0]) + x[1];
    const Vec3 cf{0.1 * x[2], 0.2, -0.1 * x[0]};
    a.add(x, n, area, cp, cf);
    b.add(rotate(x), rotate(n), area, cp, rotate(cf));
  });
  const auto ca = a.result(ReferenceScales{}), cb = b.result(ReferenceScales{});
  CHECK(std::abs(ca.cd()) > 1e-3);
  CHECK_THAT(ca.cd() - cb.cd(), WithinAbs(0, 1e-12));
  CHECK_THAT(ca.cl() - cb.cl(), WithinAbs(0, 1e-12));
  CHECK_THAT(ca.cs() - cb.cs(), WithinAbs(0, 1e-12));
  CHECK_THAT(ca.cm_roll() - cb.cm_roll(), WithinAbs(0, 1e-12));
  CHECK_THAT(ca.cm_pitch() - cb.cm_pitch(), WithinAbs(0, 1e-12));
  CHECK_THAT(ca.cm_yaw() - cb.cm_yaw(), WithinAbs(0, 1e-12));
}

TEST_CASE("reference quantities must be positive") {
  ReferenceScales scales;
  scales.area = 0;
  CHECK_THROWS_AS(ForceIntegrator(ForceAxes{}).result(scales), core::Error);
}
