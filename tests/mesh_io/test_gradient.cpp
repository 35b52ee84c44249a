#include <cmath>

#include "mesh_io/gradient.hpp"
#include "tests/mesh_io/mesh_io_support.hpp"

using namespace streamtube;
using geometry::Association;

namespace {

// n^3 hexahedra in the unit cube.
geometry::VolumeMesh cube(int n) {
  geometry::VolumeMesh mesh;
  const int m = n + 1;
  for (int z = 0; z < m; ++z)
    for (int y = 0; y < m; ++y)
      for (int x = 0; x < m; ++x) mesh.points.push_back({double(x) / n, double(y) / n, double(z) / n});
  mesh.offsets = {0};
  for (int z = 0; z < n; ++z)
    for (int y = 0; y < n; ++y)
      for (int x = 0; x < n; ++x) {
        const auto at = [&](int i, int j, int k) { return std::int64_t{(z + k) * m * m + (y + j) * m + x + i}; };
        for (const auto corner :
             {at(0, 0, 0), at(1, 0, 0), at(1, 1, 0), at(0, 1, 0), at(0, 0, 1), at(1, 0, 1), at(1, 1, 1), at(0, 1, 1)})
          mesh.corners.push_back(corner);
        mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
        mesh.types.push_back(12);
      }
  return mesh;
}

Vec3 velocity(const Vec3& x) {
  return {std::sin(2 * x[0]) * x[1], std::cos(x[1]) + 0.5 * x[2] * x[2], x[0] * x[1] * x[2]};
}
std::array<Vec3, 3> jacobian(const Vec3& x) {
  return {{{2 * std::cos(2 * x[0]) * x[1], std::sin(2 * x[0]), 0},
           {0, -std::sin(x[1]), x[2]},
           {x[1] * x[2], x[0] * x[2], x[0] * x[1]}}};
}

// Largest error in the middle, at least two cells from the boundary.
double error_inside(int n, Association association) {
  const geometry::VolumeMesh mesh = cube(n);
  const std::size_t rows = association == Association::points ? mesh.points.size() : mesh.cell_count();
  const auto place = [&](std::size_t i) {
    return association == Association::points ? mesh.points[i] : mesh.center(i);
  };
  geometry::Attribute field{"velocity", association, 3, {}};
  for (std::size_t i = 0; i < rows; ++i)
    for (const double v : velocity(place(i))) field.values.push_back(static_cast<float>(v));
  const auto gradient = mesh_io::gradient(mesh, field);
  REQUIRE(gradient.size() == 9 * rows);
  double worst = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const Vec3 x = place(i);
    bool inside = true;
    for (const double v : x) inside = inside && v > 0.24 && v < 0.76;
    const auto exact = jacobian(x);
    if (inside)
      for (std::size_t c = 0; c < 9; ++c) worst = std::max(worst, std::abs(gradient[9 * i + c] - exact[c / 3][c % 3]));
  }
  return worst;
}

}  // namespace

TEST_CASE("the gradient on a grid converges to the analytic one in second order, rows du/dx du/dy du/dz") {
  for (const Association association : {Association::points, Association::faces}) {
    const double coarse = error_inside(8, association), fine = error_inside(16, association);
    CAPTURE(coarse, fine);
    CHECK(fine < 0.01);
    CHECK(coarse / fine > 3);
  }
}

TEST_CASE("the gradient of a linear scalar on cells, in metres whatever the file's unit") {
  geometry::VolumeMesh mesh = cube(4);
  mesh.file_unit = 0.001;
  geometry::Attribute field{"p", Association::faces, 1, {}};
  for (std::size_t i = 0; i < mesh.cell_count(); ++i) {
    const Vec3 x = mesh.center(i);
    field.values.push_back(static_cast<float>(3 * x[0] - 2 * x[1] + 0.5 * x[2]));
  }
  const auto gradient = mesh_io::gradient(mesh, field);
  const std::size_t middle = 1 + 4 + 16;
  CHECK(std::abs(gradient[3 * middle] - 3) < 1e-5);
  CHECK(std::abs(gradient[3 * middle + 1] + 2) < 1e-5);
  CHECK(std::abs(gradient[3 * middle + 2] - 0.5) < 1e-5);
}

TEST_CASE("a field that does not fit its mesh has no gradient") {
  const geometry::VolumeMesh mesh = cube(2);
  test::check_error(core::ErrorKind::input, {"'velocity' has 5 values for 8 cells"}, [&] {
    mesh_io::gradient(mesh, {"velocity", Association::faces, 3, std::vector<float>(5)});
  });
}
