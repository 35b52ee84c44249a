#include "geometry/shape_checks.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <utility>

#include "geometry/topology.hpp"

namespace streamtube::geometry {

namespace {

constexpr double kDegree = std::numbers::pi / 180;
constexpr double kRoughFrom = 2 * kDegree, kRoughTo = 60 * kDegree;
constexpr double kFlat = 1 * kDegree;  // faces of one facet
constexpr double kStepFrom = 8 * kDegree, kStepTo = 50 * kDegree;
constexpr std::size_t kMostFacetFaces = 50'000;

// A border between two facets.
struct Border {
  double length = 0, angle = 0;  // m; positive over a ridge
};

}  // namespace

ShapeChecks check_facets(const SurfaceMesh& mesh) {
  ShapeChecks out;
  const std::size_t faces = mesh.face_count();
  const Topology topology(mesh);
  std::vector<Vec3> normal(faces);
  std::vector<double> area(faces);
  double total = 0;
  for (std::size_t f = 0; f < faces; ++f) {
    normal[f] = mesh.area_vector(f);
    area[f] = norm(normal[f]);
    total += area[f];
    if (area[f] > 0) normal[f] = (1 / area[f]) * normal[f];
  }
  if (!(total > 0)) return out;

  struct Side {
    Id a, b;
    double length, angle;
  };
  std::vector<Side> sides;  // for facets
  const bool facets = faces <= kMostFacetFaces;
  std::vector<char> bends(faces, 0);  // 1: a ridge, 2: a valley
  topology.for_edges([&](Id low, std::span<const Topology::Use> uses) {
    if (uses.size() != 2) return;
    const Topology::Use first = uses[0].descending ? uses[1] : uses[0];
    const Id a = first.face, b = uses[0].descending ? uses[0].face : uses[1].face;
    if (a == b || !(area[a] > 0 && area[b] > 0)) return;
    const Vec3 edge = mesh.points[topology.vertex_point[first.high]] - mesh.points[topology.vertex_point[low]];
    const double length = norm(edge);
    if (!(length > 0)) return;
    const Vec3 turn = cross(normal[a], normal[b]);
    const double angle = std::atan2(dot(turn, edge) / length, dot(normal[a], normal[b]));
    if (const double size = std::abs(angle); size > kRoughFrom && size < kRoughTo) {
      bends[a] |= angle > 0 ? 1 : 2;
      bends[b] |= angle > 0 ? 1 : 2;
    }
    if (facets) sides.push_back({a, b, length, angle});
  });
  for (std::size_t f = 0; f < faces; ++f)
    if (bends[f] == 3) out.rough += area[f] / total;
  if (!facets) return out;

  std::vector<Id> root(faces);
  std::iota(root.begin(), root.end(), Id{0});
  const auto find = [&](Id f) {
    while (root[f] != f) f = root[f] = root[root[f]];
    return f;
  };
  for (const Side& side : sides)
    if (std::abs(side.angle) < kFlat) {
      const Id a = find(side.a), b = find(side.b);
      root[std::max(a, b)] = std::min(a, b);
    }
  std::vector<double> facet_area(faces, 0);
  for (Id f = 0; f < faces; ++f) facet_area[find(f)] += area[f];
  std::map<std::pair<Id, Id>, Border> borders;  // both ways
  for (const Side& side : sides) {
    const Id a = find(side.a), b = find(side.b);
    if (a == b) continue;
    for (const auto& key : {std::pair(a, b), std::pair(b, a)}) {
      Border& border = borders[key];
      border.angle = (border.angle * border.length + side.angle * side.length) / (border.length + side.length);
      border.length += side.length;
    }
  }
  // A facet is a step of a curve when the surface turns the same way at both its ends; and of a curve's steps there are
  // several in a row, while a roof between two slanted windows stands alone.
  std::vector<double> step(faces, 0), turn(faces, 0);  // [facet] m, radians
  for (auto first = borders.begin(); first != borders.end();) {
    const Id facet = first->first.first;
    auto end = first;
    while (end != borders.end() && end->first.first == facet) ++end;
    for (auto i = first; i != end; ++i)
      for (auto j = std::next(i); j != end; ++j) {
        const double a = i->second.angle, b = j->second.angle;
        const auto in_range = [](double x) { return std::abs(x) > kStepFrom && std::abs(x) < kStepTo; };
        if (!in_range(a) || !in_range(b) || a * b < 0) continue;
        const double between = std::acos(std::clamp(dot(normal[i->first.second], normal[j->first.second]), -1.0, 1.0));
        if (between < 0.8 * (std::abs(a) + std::abs(b))) continue;
        const double width = facet_area[facet] / std::max(i->second.length, j->second.length);
        if (const double found = width * std::max(std::abs(a), std::abs(b)) / 8; found > step[facet])
          step[facet] = found, turn[facet] = 0.5 * (std::abs(a) + std::abs(b));
      }
    first = end;
  }
  double sum = 0, weighted = 0, turned = 0;
  std::vector<char> counted(faces, 0);
  for (const auto& [key, border] : borders) {
    const auto [a, b] = key;
    if (!(step[a] > 0 && step[b] > 0) || counted[a]) continue;
    if (std::abs(border.angle) <= kStepFrom || std::abs(border.angle) >= kStepTo) continue;
    counted[a] = 1;
    sum += facet_area[a], weighted += facet_area[a] * step[a], turned += facet_area[a] * turn[a];
  }
  out.stepped = sum / total;
  if (sum > 0) out.step = weighted / sum, out.turn = turned / sum;
  return out;
}

}  // namespace streamtube::geometry
