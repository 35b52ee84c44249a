#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <functional>
#include <vector>

#include "core/rng.hpp"
#include "physics/cell_vorticity.hpp"
#include "physics/derivatives.hpp"

using namespace streamtube;
using namespace streamtube::physics;
using Catch::Matchers::WithinAbs;

namespace {

using Velocity = std::function<Vec3(const Vec3&)>;

Vec3 vorticity(const CellStencil& stencil, const Vec3& center, const Velocity& u) {
  Vec3 sum{0, 0, 0};
  for (const CellArm& arm : stencil.used()) sum = sum + cross(arm.weight, u(center + arm.offset));
  return sum;
}

void check_equal(const Vec3& a, const Vec3& b, double tolerance) {
  for (std::size_t i = 0; i < 3; ++i) CHECK_THAT(a[i], WithinAbs(b[i], tolerance));
}

Vec3 random_vector(core::Rng& rng) { return {rng.normal(), rng.normal(), rng.normal()}; }

}  // namespace

TEST_CASE("a velocity linear in space has its curl everywhere but in first cells, at bodies and at the ground") {
  core::Rng rng(1, "linear");
  for (int round = 0; round < 200; ++round) {
    const Jacobian j = {random_vector(rng), random_vector(rng), random_vector(rng)};
    const Vec3 base = random_vector(rng);
    const Velocity u = [&](const Vec3& x) { return base + Vec3{dot(j[0], x), dot(j[1], x), dot(j[2], x)}; };
    const Vec3 x = random_vector(rng), direction = random_vector(rng);
    const Vec3 n = (1 / norm(direction)) * direction;
    const double size = 0.1 + rng.uniform(), distance = size * (kFirstCell + 3 * rng.uniform());
    const double height = size * 2 * rng.uniform();
    for (const double ground : {-HUGE_VAL, x[2] - height}) {
      const CellStencil stencil = cell_stencil(x, size, distance, n, ground);
      check_equal(vorticity(stencil, x, u), curl(j), 1e-9);
      for (const CellArm& arm : stencil.used()) {
        CHECK(x[2] + arm.offset[2] >= ground - 1e-12);
        CHECK(norm(arm.offset) <= size * (1 + 1e-12));
        CHECK(dot(arm.offset, n) > -distance);  // never through the wall
      }
    }
  }
}

TEST_CASE("in a first cell vorticity is the difference to the wall's velocity, whatever the profile") {
  core::Rng rng(2, "wall");
  for (const double distance : {0.001, 0.003, 0.0051}) {
    const Vec3 normal = random_vector(rng), along = random_vector(rng), wall = random_vector(rng);
    const Vec3 n = (1 / norm(normal)) * normal, t = along - dot(along, n) * n;
    const auto speed = [](double d) { return 7 * std::sqrt(d) + 100 * d; };
    const Velocity u = [&](const Vec3& x) { return speed(dot(x - wall, n)) * t; };
    const Vec3 x = wall + distance * n;
    const CellStencil stencil = cell_stencil(x, 0.008, distance, n, -HUGE_VAL);
    REQUIRE(stencil.count == 1);
    // A cell as high as a quarter of its size at least: 2 mm.
    const double height = 2 * distance;
    check_equal(vorticity(stencil, x, u), speed(height) / height * cross(n, t), 1e-9);
  }
  // So close to a wall no cell's centre lies.
  const CellStencil thin = cell_stencil({0, 0, 1e-6}, 0.008, 1e-6, {0, 0, 1}, -HUGE_VAL);
  CHECK_THAT(norm(thin.arms[0].weight), WithinAbs(500, 1e-9));
}

// Gauss' theorem on a stack of cubes above a body's wall at z = 0: velocities on faces are means of two cells' or the
// wall's, which stands still.
TEST_CASE("the mean over a cell is that of a finite-volume solver on a regular mesh") {
  constexpr int n = 7;
  constexpr double h = 0.02;
  core::Rng rng(3, "cells");
  std::vector<Vec3> velocity(n * n * n);
  std::vector<Vec3> layer(n);
  for (Vec3& u : layer) u = random_vector(rng);
  const auto at = [](int i, int j, int k) { return static_cast<std::size_t>((k * n + j) * n + i); };
  for (int k = 0; k < n; ++k)
    for (int j = 0; j < n; ++j)
      for (int i = 0; i < n; ++i)  // the first layer's velocities are those of its height: it sees no others
        velocity[at(i, j, k)] = k < 2 ? layer[static_cast<std::size_t>(k)] : random_vector(rng);
  const auto center = [](int i, int j, int k) { return Vec3{(i + 0.5) * h, (j + 0.5) * h, (k + 0.5) * h}; };
  // Linear between centres.
  const Velocity u = [&](const Vec3& x) {
    Vec3 sum{0, 0, 0};
    int low[3];
    double part[3];
    for (std::size_t a = 0; a < 3; ++a) {
      const double p = x[a] / h - 0.5;
      low[a] = std::min(n - 2, std::max(0, static_cast<int>(std::floor(p + 1e-9)))), part[a] = p - low[a];
    }
    for (int corner = 0; corner < 8; ++corner) {
      double weight = 1;
      int c[3];
      for (int a = 0; a < 3; ++a) {
        const bool up = corner >> a & 1;
        weight *= up ? part[a] : 1 - part[a], c[a] = low[a] + up;
      }
      sum = sum + weight * velocity[at(c[0], c[1], c[2])];
    }
    return sum;
  };
  for (int k = 0; k < n - 1; ++k)
    for (int j = 1; j < n - 1; ++j)
      for (int i = 1; i < n - 1; ++i) {
        Vec3 gauss{0, 0, 0};
        for (int axis = 0; axis < 3; ++axis)
          for (const int side : {-1, 1}) {
            int c[3] = {i, j, k};
            c[axis] += side;
            Vec3 face{0, 0, 0}, area{0, 0, 0};
            area[static_cast<std::size_t>(axis)] = side * h * h;
            if (c[2] >= 0) face = 0.5 * (velocity[at(i, j, k)] + velocity[at(c[0], c[1], c[2])]);
            gauss = gauss + (1 / (h * h * h)) * cross(area, face);
          }
        const Vec3 x = center(i, j, k);
        check_equal(vorticity(cell_stencil(x, h, x[2], {0, 0, 1}, -HUGE_VAL), x, u), gauss, 1e-8);
      }
}

TEST_CASE("cells end below at the lowest of their faces") {
  const std::vector<Vec3> centers = {{0, 0, 0.5}, {0, 0, 0.25}, {1, 0, 0.1}};
  const std::vector<float> volumes = {1, 0.125f, 0.008f};
  CHECK_THAT(lowest_face(centers, volumes), WithinAbs(0, 1e-8));
  CHECK(lowest_face({}, {}) == -HUGE_VAL);
}
