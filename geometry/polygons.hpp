#pragma once
// Triangles that fill the polygons of a surface. Whoever needs triangles (the model, checks, repair, areas, results)
// takes them from here, so that all see the same ones.

#include <array>
#include <cstddef>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

// Fills `triangles` with corner numbers (0 .. n - 1 of polygon f) of triangles that run the way the polygon does. Any
// simple polygon is filled without overlap, whichever corner it starts from: convex quads by their shorter diagonal,
// others by a constrained Delaunay triangulation in the plane of the polygon's Newell normal. Corners in the middle of
// an edge (hanging nodes) stay corners, so that neighbours still fit. An outline that runs to a hole in it and back
// along the same two corners leaves the hole open.
//
// False for a polygon that cuts itself or has no area: then `triangles` are a fan around its lowest corner.
bool cut_polygon(const SurfaceMesh& mesh, std::size_t f, std::vector<std::array<int, 3>>& triangles);

}  // namespace streamtube::geometry
