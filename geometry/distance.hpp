#pragma once
// Distance to a surface and inside/outside, over a CGAL AABB tree.

#include <memory>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

class DistanceField {
 public:
  explicit DistanceField(const SurfaceMesh& mesh);
  ~DistanceField();
  DistanceField(DistanceField&&) noexcept;

  double distance(const Vec3& p) const;  // unsigned, m
  // Majority of three ray crossings (parity), so that small holes do not turn a region inside out.
  bool inside(const Vec3& p) const;
  double signed_distance(const Vec3& p) const;  // negative inside
  // Whether a ray from p meets no triangle.
  bool escapes(const Vec3& p, const Vec3& direction) const;
  // Whether any triangle meets the closed box.
  bool intersects(const Box& box) const;

  // The same for many points, on all threads.
  std::vector<double> signed_distance(const std::vector<Vec3>& points) const;
  std::vector<char> inside(const std::vector<Vec3>& points) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// For each place the nearest face of the mesh and its distance, m.
struct Nearest {
  std::int64_t face = -1;
  double distance = 0;
  Vec3 position{0, 0, 0};
};
std::vector<Nearest> nearest_faces(const SurfaceMesh& mesh, const std::vector<Vec3>& places);

// Area of the body's shadow along +x (m2): rasterised on a grid of `resolution` cells along the longer side.
double frontal_area(const SurfaceMesh& mesh, int resolution = 2048);

}  // namespace streamtube::geometry
