#pragma once
// Points on a surface, uniform in area, from a seed alone: the same mesh and seed give the same points anywhere.

#include <cstdint>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

// n points, spread evenly over the area (draw_by_cells) and in random order, so any prefix is itself a fair sample.
// They are middles of elements of a lattice, at least 8 to a point: other triangles of the same shape give the same
// points, and a change of the shape moves only points near it. unit: of curve_cube, m. normals: the points' outward
// unit normals, where wanted.
std::vector<Vec3> sample_surface(const SurfaceMesh& mesh, std::size_t n, std::uint64_t seed, double unit = 1,
                                 std::vector<Vec3>* normals = nullptr);

}  // namespace streamtube::geometry
