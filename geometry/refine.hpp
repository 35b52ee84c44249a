#pragma once
// A finer triangulation of the same surface: coarse CAD triangles get enough places for fields.

#include <cstddef>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

// How fine: no edge longer than `length` (m), or at least `triangles` of them (and few more); the other is 0.
struct Resolution {
  double length = 0;
  std::size_t triangles = 0;
  bool wanted() const { return length > 0 || triangles > 0; }
};

// Halves the longest edge of all, with every triangle at it, until the mesh is fine enough: angles do not get smaller
// than half of what they were (Rivara 1984, Int. J. Numer. Methods Eng. 20), no point hangs on an edge, and as new
// points lie in the middle of old edges, the shape does not change at all. Polygons become triangles (fanned from their
// first corner); triangles stand in the order of the faces they come from and keep their patches; attributes are
// dropped. A mesh that is fine enough already comes back as it is. Error(input) when the result would have more than
// kMostRefined triangles.
inline constexpr std::size_t kMostRefined = 20'000'000;
SurfaceMesh refine(const SurfaceMesh& mesh, const Resolution& resolution);

}  // namespace streamtube::geometry
