#pragma once
// A triangulation made anew: triangles near to equilateral whose size varies over the surface, on the surface itself,
// with edges that are kept.

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "physics/vec3.hpp"

namespace streamtube::geometry {

// An open or closed orientable manifold. Faces and kept edges lie on something that a number stands for: a surface, a
// curve on it.
struct FeatureMesh {
  using Edge = std::pair<std::int64_t, std::int64_t>;  // points, the lower one first
  std::vector<Vec3> points;                            // [V] m
  std::vector<std::array<std::int64_t, 3>> triangles;  // [T]
  std::vector<int> place;                              // [T]
  std::map<Edge, int> kept;                            // place of edges that no triangle crosses; borders among them
};

// What the places of a mesh are.
class Places {
 public:
  virtual ~Places() = default;
  // The point of the place near p.
  virtual Vec3 project(const Vec3& p, int place) const = 0;
  // Of unit length, outward; on a sharp edge some direction between those of its sides.
  virtual Vec3 normal(const Vec3& p, int place) const = 0;
  // How far p is from the place, m.
  virtual double distance(const Vec3& p, int place) const = 0;
  // Wanted length of the edges near p, m.
  virtual double size(const Vec3& p) const = 0;
};

// Splits, collapses and flips edges and moves points along the surface (Botsch & Kobbelt 2004, Symposium on Geometry
// Processing) until edges have the wanted lengths and the middle of none is farther than `chord` (m) from its place.
// Ends and meeting points of kept edges stay where they are. Nothing is random.
void remesh(FeatureMesh& mesh, const Places& places, double chord, int rounds);

}  // namespace streamtube::geometry
