#pragma once
// Points on a surface, uniform in area, from a seed alone: the same mesh and seed give the same points anywhere.

#include <cstdint>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

// n points, stratified: the faces' cumulative area along a space-filling curve is cut in n equal parts and one point
// drawn in each, then shuffled, so any prefix is itself a fair sample. faces (optional): the polygon of each point.
std::vector<Vec3> sample_surface(const SurfaceMesh& mesh, std::size_t n, std::uint64_t seed,
                                 std::vector<std::int64_t>* faces = nullptr);

}  // namespace streamtube::geometry
