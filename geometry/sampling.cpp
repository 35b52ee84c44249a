#include "geometry/sampling.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "geometry/space_curve.hpp"
#include "geometry/surface_elements.hpp"

namespace streamtube::geometry {

namespace {

// How finely a point's place is chosen: at least so many elements of a body, and of what falls to a point (up to four
// times as many: cells are halves of halves).
constexpr double kElements = 50'000, kElementsPerPoint = 8;
constexpr int kMostHalves = 14;

}  // namespace

std::vector<Vec3> sample_surface(const SurfaceMesh& mesh, std::size_t n, std::uint64_t seed, double unit,
                                 std::vector<Vec3>* normals) {
  if (normals) normals->clear();
  if (n == 0) return {};
  double total = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) total += norm(mesh.area_vector(f));
  if (!(total > 0 && std::isfinite(total))) {
    throw core::Error(core::ErrorKind::input, core::str("cannot sample a surface whose area is ", total, " m2"),
                      "give a surface with triangles of positive area");
  }
  // Cells of the lattice are cells of the tree; specks of area far from each other get no finer ones than kMostHalves.
  const CurveCube cube = curve_cube(mesh.bounds(), unit);
  double width = cube.side;
  for (int halves = 0; halves < kMostHalves; ++halves, width /= 2)
    if (width * width <= total / std::max(kElements, kElementsPerPoint * static_cast<double>(n))) break;
  const std::vector<SurfaceElement> elements = lattice_elements(mesh, {cube.low, width});
  std::vector<OnCurve> places;
  places.reserve(elements.size());
  for (const SurfaceElement& element : elements)
    places.push_back({curve_code(element.position, cube), element.area, static_cast<std::int64_t>(places.size())});
  std::vector<Vec3> points;
  for (const std::size_t at : draw_by_cells(places, n, seed)) {
    const SurfaceElement& element = elements[static_cast<std::size_t>(places[at].index)];
    points.push_back(element.position);
    if (normals) normals->push_back((1 / element.area) * element.area_vector);
  }
  return points;
}

}  // namespace streamtube::geometry
