#include "geometry/feature_edges.hpp"

#include <algorithm>
#include <map>
#include <numbers>

namespace streamtube::geometry {

Edges feature_edges(const SurfaceMesh& mesh, double angle) {
  const Triangles triangles = triangulate(mesh);
  std::map<Vec3, std::int64_t> merged;
  std::vector<std::int64_t> id(triangles.points.size());
  std::vector<Vec3> points;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const auto [at, added] = merged.try_emplace(triangles.points[i], static_cast<std::int64_t>(points.size()));
    if (added) points.push_back(triangles.points[i]);
    id[i] = at->second;
  }
  struct Side {
    std::array<std::int64_t, 2> edge;
    Vec3 normal;
  };
  std::vector<Side> sides;
  sides.reserve(3 * triangles.corners.size());
  for (const auto& t : triangles.corners) {
    const std::int64_t c[3] = {id[static_cast<std::size_t>(t[0])], id[static_cast<std::size_t>(t[1])],
                               id[static_cast<std::size_t>(t[2])]};
    const auto& p = points;
    Vec3 normal = cross(p[static_cast<std::size_t>(c[1])] - p[static_cast<std::size_t>(c[0])],
                        p[static_cast<std::size_t>(c[2])] - p[static_cast<std::size_t>(c[0])]);
    const double length = norm(normal);
    if (!(length > 0)) continue;
    normal = (1 / length) * normal;
    for (int k = 0; k < 3; ++k)
      sides.push_back({{std::min(c[k], c[(k + 1) % 3]), std::max(c[k], c[(k + 1) % 3])}, normal});
  }
  std::stable_sort(sides.begin(), sides.end(), [](const Side& a, const Side& b) { return a.edge < b.edge; });

  const double least = std::cos(angle * std::numbers::pi / 180);
  Edges out;
  std::vector<std::int64_t> kept(points.size(), -1);
  for (std::size_t begin = 0; begin < sides.size();) {
    std::size_t end = begin;
    while (end < sides.size() && sides[end].edge == sides[begin].edge) ++end;
    if (end - begin != 2 || dot(sides[begin].normal, sides[begin + 1].normal) < least) {
      std::array<std::int64_t, 2> edge{};
      for (int k = 0; k < 2; ++k) {
        auto& point = kept[static_cast<std::size_t>(sides[begin].edge[k])];
        if (point < 0) {
          point = static_cast<std::int64_t>(out.points.size());
          out.points.push_back(points[static_cast<std::size_t>(sides[begin].edge[k])]);
        }
        edge[static_cast<std::size_t>(k)] = point;
      }
      out.edges.push_back(edge);
    }
    begin = end;
  }
  return out;
}

}  // namespace streamtube::geometry
