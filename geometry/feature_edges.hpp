#pragma once
// The sharp edges of a surface, which a mesher must keep.

#include <array>
#include <cstdint>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

struct Edges {
  std::vector<Vec3> points;                        // [V] m
  std::vector<std::array<std::int64_t, 2>> edges;  // indices of points
};

// Edges between triangles whose normals differ by more than `angle` degrees, and those of holes and of three or more
// triangles. Equal points are merged, polygons are fanned first: their inner edges count only where they are not flat.
Edges feature_edges(const SurfaceMesh& mesh, double angle);

}  // namespace streamtube::geometry
