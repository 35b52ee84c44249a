// bench_walls SIDES POINTS: how many points a second and core find their nearest wall (geometry/wall_distance.hpp), on
// a sphere of 2 SIDES^2 triangles, 1 m in diameter, asked in the order of a space-filling curve as meshes are, or
// scattered. Processor time of one thread.

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "core/rng.hpp"
#include "geometry/space_curve.hpp"
#include "geometry/wall_distance.hpp"

namespace {

using namespace streamtube;

std::vector<std::array<Vec3, 3>> sphere(int sides) {
  constexpr double pi = 3.14159265358979323846;
  const auto at = [&](int i, int j) {
    const double polar = pi * i / sides, around = 2 * pi * j / sides;
    return Vec3{0.5 * std::sin(polar) * std::cos(around), 0.5 * std::sin(polar) * std::sin(around),
                0.5 * std::cos(polar)};
  };
  std::vector<std::array<Vec3, 3>> out;
  for (int i = 0; i < sides; ++i)
    for (int j = 0; j < sides; ++j) {
      out.push_back({at(i, j), at(i + 1, j), at(i + 1, j + 1)});
      out.push_back({at(i, j), at(i + 1, j + 1), at(i, j + 1)});
    }
  return out;
}

double seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

int main(int argc, char** argv) {
  const int sides = argc > 1 ? std::atoi(argv[1]) : 450;
  const std::size_t count = argc > 2 ? static_cast<std::size_t>(std::atof(argv[2])) : 1'000'000;
  if (sides < 3 || count < 1) return std::puts("bench_walls SIDES POINTS"), 2;
  double mark = seconds();
  const auto triangles = sphere(sides);
  const geometry::WallDistance walls(triangles);
  std::printf("%zu triangles: built in %.3f s, %.1f MB\n", triangles.size(), seconds() - mark,
              static_cast<double>(walls.bytes()) / 1e6);
  core::Rng rng(1, "points");
  // Half of them near the wall, as cells are; the others anywhere in a domain of 4 x 2 x 2 m.
  std::vector<Vec3> points(count);
  for (std::size_t i = 0; i < count; ++i) {
    Vec3& p = points[i];
    p = {rng.normal(), rng.normal(), rng.normal()};
    if (i % 2 == 0)
      p = ((0.5 - 0.05 * std::log(1 - rng.uniform())) / norm(p)) * p;
    else
      p = {4 * rng.uniform() - 1, 2 * rng.uniform() - 1, 2 * rng.uniform() - 1};
  }
  std::vector<geometry::WallPoint> found(count);
  for (const bool ordered : {false, true}) {
    if (ordered) {
      std::vector<Vec3> along;
      for (const std::int64_t i : geometry::space_curve(count, [&](std::size_t k) { return points[k]; }))
        along.push_back(points[static_cast<std::size_t>(i)]);
      points = along;
    }
    mark = seconds();
    walls.nearest(points, found);
    const double spent = seconds() - mark;
    std::printf("%s: %.0f points a second and core\n", ordered ? "ordered" : "scattered",
                static_cast<double>(count) / spent);
  }
}
