#include "geometry/refine.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>
#include <unordered_map>

#include "core/error.hpp"

namespace streamtube::geometry {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

struct Edge {
  std::int64_t a, b;  // a < b
  bool operator==(const Edge&) const = default;
};
struct EdgeHash {
  std::size_t operator()(const Edge& e) const {
    return (static_cast<std::uint64_t>(e.a) * 0x9e3779b97f4a7c15u) ^
           (static_cast<std::uint64_t>(e.b) * 0xc2b2ae3d27d4eb4fu);
  }
};
Edge edge_of(std::int64_t a, std::int64_t b) { return {std::min(a, b), std::max(a, b)}; }

struct Candidate {
  double squared;  // length, m2
  Edge edge;
  bool operator<(const Candidate& o) const {  // longest first; equal ones in the order of their points
    return squared != o.squared ? squared < o.squared : edge.a != o.edge.a ? edge.a > o.edge.a : edge.b > o.edge.b;
  }
};

}  // namespace

SurfaceMesh refine(const SurfaceMesh& mesh, const Resolution& resolution) {
  Triangles t = triangulate(mesh);
  const double limit = resolution.length * resolution.length;
  const auto too_many = [] {
    throw Error(ErrorKind::input, str("the surface would have more than ", kMostRefined, " triangles"),
                "ask for a coarser resolution");
  };
  // No triangle is larger than the equilateral one of the longest edge: known before the work.
  double area = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) area += norm(mesh.area_vector(f));
  if (limit > 0 && area / (0.25 * std::sqrt(3.0) * limit) > kMostRefined) too_many();
  std::unordered_map<Edge, std::vector<std::int64_t>, EdgeHash> at;  // triangles at an edge
  std::priority_queue<Candidate> longest;
  const auto add = [&](std::int64_t triangle, std::int64_t a, std::int64_t b) {
    const Edge edge = edge_of(a, b);
    auto& triangles = at[edge];
    triangles.push_back(triangle);
    if (triangles.size() > 1) return;
    const Vec3 d = t.points[static_cast<std::size_t>(b)] - t.points[static_cast<std::size_t>(a)];
    if (dot(d, d) > limit) longest.push({dot(d, d), edge});
  };
  for (std::size_t i = 0; i < t.corners.size(); ++i) {
    const auto& c = t.corners[i];
    if (c[0] == c[1] || c[1] == c[2] || c[2] == c[0]) continue;  // a line: nothing to refine
    for (int k = 0; k < 3; ++k) add(static_cast<std::int64_t>(i), c[k], c[(k + 1) % 3]);
  }
  const auto fine_enough = [&] {
    return longest.empty() || (resolution.triangles > 0 && t.corners.size() >= resolution.triangles);
  };
  if (fine_enough()) return mesh;

  while (!fine_enough()) {
    const Edge edge = longest.top().edge;
    longest.pop();
    const auto found = at.find(edge);
    if (found == at.end()) continue;
    const std::vector<std::int64_t> triangles = std::move(found->second);
    at.erase(found);
    const auto middle = static_cast<std::int64_t>(t.points.size());
    t.points.push_back(0.5 * (t.points[static_cast<std::size_t>(edge.a)] + t.points[static_cast<std::size_t>(edge.b)]));
    for (const std::int64_t old : triangles) {
      auto& corners = t.corners[static_cast<std::size_t>(old)];
      int k = 0;
      while (edge_of(corners[k], corners[(k + 1) % 3]) != edge) ++k;
      // p-q is the edge: p-q-r becomes p-m-r and m-q-r.
      const std::int64_t p = corners[k], q = corners[(k + 1) % 3], r = corners[(k + 2) % 3];
      const auto fresh = static_cast<std::int64_t>(t.corners.size());
      corners = {p, middle, r};
      t.corners.push_back({middle, q, r});
      t.face.push_back(t.face[static_cast<std::size_t>(old)]);
      for (auto& triangle : at[edge_of(q, r)])
        if (triangle == old) triangle = fresh;
      add(old, p, middle), add(old, middle, r);
      add(fresh, middle, q), add(fresh, middle, r);
    }
    if (t.corners.size() > kMostRefined) too_many();
  }

  std::vector<std::size_t> order(t.corners.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return t.face[a] < t.face[b]; });
  SurfaceMesh out;
  out.points = std::move(t.points);
  out.offsets = {0};
  for (const std::size_t i : order) {
    for (const std::int64_t corner : t.corners[i]) out.corners.push_back(corner);
    out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
    out.patch.push_back(mesh.patch[static_cast<std::size_t>(t.face[i])]);
  }
  out.patch_names = mesh.patch_names;
  out.file_unit = mesh.file_unit;
  return out;
}

}  // namespace streamtube::geometry
