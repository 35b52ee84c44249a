#pragma once
// Where the nearest wall is, for any number of points: a tree of boxes over triangles or discs, without CGAL, so that
// the program that streams points past a prepared case needs no mesh library. The nearest place does not depend on the
// order of the points nor on the number of threads.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "physics/vec3.hpp"

namespace streamtube::geometry {

// The nearest place of a wall as seen from a point.
struct WallPoint {
  double distance = 0;      // m
  Vec3 direction{0, 0, 1};  // unit, from the wall to the point: the gradient of the distance; on the wall its normal
  // What the direction turns about when the point moves: nothing where the nearest place is inside a face (the
  // direction is constant), the edge's unit vector on an edge, all axes at a corner. See derivative().
  enum class On : char { face, edge, corner } on = On::face;
  Vec3 edge{0, 0, 0};
  // d direction_i / d x_j, 1/m: (I - n n - t t) / distance on an edge along t, (I - n n) / distance at a corner, else
  // 0. `least`: m, in the place of smaller distances.
  std::array<Vec3, 3> derivative(double least) const;
};

class WallDistance {
 public:
  // [triangles][3 corners], m, counter-clockwise seen from the flow. Triangles without area and corners that are not
  // finite are left out. Error(internal) when nothing is left.
  explicit WallDistance(std::span<const std::array<Vec3, 3>> triangles);
  // Of faces of which only centre, normal and area are known: discs a little larger than the faces (areas times
  // kDiscArea), so that neighbours overlap.
  static constexpr double kDiscArea = 1.2;
  WallDistance(std::span<const Vec3> centers, std::span<const Vec3> normals, std::span<const double> areas);
  ~WallDistance();
  WallDistance(WallDistance&&) noexcept;
  WallDistance& operator=(WallDistance&&) noexcept;

  WallPoint nearest(const Vec3& point) const;
  // All on the calling thread; points near each other one after the other are fastest.
  void nearest(std::span<const Vec3> points, std::span<WallPoint> out) const;
  // The same on all threads (geometry/threads.hpp).
  void nearest_parallel(std::span<const Vec3> points, std::span<WallPoint> out) const;

  // Outward normals of the faces nearest to points, on all threads.
  std::vector<Vec3> normals(std::span<const Vec3> points) const;
  // Those it was made of, in the order of its tree, which made of them again is the same; empty for discs.
  std::vector<std::array<Vec3, 3>> triangles() const;
  std::size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamtube::geometry
