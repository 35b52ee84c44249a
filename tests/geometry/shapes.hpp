#pragma once
// Bodies whose area, volume and distances are known.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::test {

using geometry::SurfaceMesh;

// One polygon with points of its own, as STL has it.
inline void add_face(SurfaceMesh& mesh, const std::vector<Vec3>& polygon) {
  if (mesh.offsets.empty()) mesh.offsets = {0};
  if (mesh.patch_names.empty()) mesh.patch_names = {"body"};
  for (const Vec3& p : polygon) {
    mesh.corners.push_back(static_cast<std::int64_t>(mesh.points.size()));
    mesh.points.push_back(p);
  }
  mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
  mesh.patch.push_back(0);
}

inline void append(SurfaceMesh& mesh, const SurfaceMesh& other) {
  for (std::size_t f = 0; f < other.face_count(); ++f) {
    std::vector<Vec3> polygon;
    for (std::size_t i = 0; i < other.corner_count(f); ++i) polygon.push_back(other.corner(f, i));
    add_face(mesh, polygon);
  }
}

inline SurfaceMesh without_face(const SurfaceMesh& mesh, std::size_t face) {
  SurfaceMesh out;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    if (f == face) continue;
    std::vector<Vec3> polygon;
    for (std::size_t i = 0; i < mesh.corner_count(f); ++i) polygon.push_back(mesh.corner(f, i));
    add_face(out, polygon);
  }
  return out;
}

inline void turn_face(SurfaceMesh& mesh, std::size_t f) {
  std::reverse(mesh.corners.begin() + mesh.offsets[f], mesh.corners.begin() + mesh.offsets[f + 1]);
}

inline void turn_all(SurfaceMesh& mesh) {
  for (std::size_t f = 0; f < mesh.face_count(); ++f) turn_face(mesh, f);
}

// The six sides of a box, each n x n quadrangles (or twice as many triangles) looking outward. `bend` moves the points.
template <class Bend>
SurfaceMesh bent_box(int n, bool triangles, const Bend& bend) {
  SurfaceMesh mesh;
  for (int axis = 0; axis < 3; ++axis) {
    for (const int side : {-1, 1}) {
      for (int i = 0; i < n; ++i) {
        for (int j = 0; j < n; ++j) {
          const auto point = [&](int a, int b) {
            Vec3 p;
            p[axis] = side;
            p[(axis + 1) % 3] =
                (2.0 * a - n) / n;  // exactly opposite at opposite places, so that sides meet bit for bit
            p[(axis + 2) % 3] = (2.0 * b - n) / n;
            return bend(p);
          };
          std::vector<Vec3> quad{point(i, j), point(i + 1, j), point(i + 1, j + 1), point(i, j + 1)};
          if (side < 0) std::reverse(quad.begin(), quad.end());
          if (triangles) {
            add_face(mesh, {quad[0], quad[1], quad[2]});
            add_face(mesh, {quad[0], quad[2], quad[3]});
          } else {
            add_face(mesh, quad);
          }
        }
      }
    }
  }
  return mesh;
}

inline SurfaceMesh box_mesh(const Vec3& low, const Vec3& high, int n = 1, bool triangles = true) {
  return bent_box(n, triangles, [&](const Vec3& p) {
    Vec3 q;
    for (int i = 0; i < 3; ++i) q[i] = 0.5 * (low[i] * (1 - p[i]) + high[i] * (1 + p[i]));
    return q;
  });
}
inline SurfaceMesh unit_cube(int n = 1, bool triangles = true) { return box_mesh({0, 0, 0}, {1, 1, 1}, n, triangles); }

// 12 n^2 triangles with their corners on the sphere.
inline SurfaceMesh sphere_mesh(int n, double radius = 1, const Vec3& center = {0, 0, 0}) {
  return bent_box(n, true, [&](const Vec3& p) {
    Vec3 q;
    for (int i = 0; i < 3; ++i) q[i] = std::abs(p[i]) == 1 ? p[i] : std::tan(p[i] * std::numbers::pi / 4);
    return center + (radius / std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2])) * q;
  });
}

// Prism over a convex section in x, z, capped.
inline SurfaceMesh prism(const std::vector<Vec3>& section, double width) {
  SurfaceMesh mesh;
  std::vector<Vec3> left, right;
  for (const Vec3& p : section) left.push_back({p[0], 0, p[2]}), right.push_back({p[0], width, p[2]});
  for (std::size_t i = 0; i < section.size(); ++i) {
    const std::size_t j = (i + 1) % section.size();
    add_face(mesh, {left[i], right[i], right[j]});
    add_face(mesh, {left[i], right[j], left[j]});
  }
  add_face(mesh, left);
  add_face(mesh, {right.rbegin(), right.rend()});
  return mesh;
}

}  // namespace streamtube::test
