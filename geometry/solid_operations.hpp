#pragma once
// The steps of a repair that are CGAL's. Meshes are of triangles over shared points; results have no patches.

#include <array>
#include <cstdint>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

// Triangles over the corners 0..n-1 of a closed line, which run along it as it is given; without, where none fit.
std::vector<std::array<int, 3>> triangulate_loop(const std::vector<Vec3>& loop);

// Triangles over points of a plane that fill what closed lines of sides (pairs of points) surround: what is within an
// odd number of lines, so that a line within another leaves a hole. They run counter-clockwise. Nothing where sides
// cross or do not close.
std::vector<std::array<int, 3>> triangulate_outlines(const std::vector<std::array<double, 2>>& points,
                                                     const std::vector<std::array<int, 2>>& sides);

// The union of closed parts (part: [F], 0..parts-1), each free of cuts with itself. False, and the mesh as it was, when
// CGAL cannot build it.
bool unite(SurfaceMesh& mesh, const std::vector<std::uint32_t>& part, std::size_t parts);

// A closed surface around the mesh (Alliez, Cohen-Steiner, Hemmer, Portaneri, Rouxel-Labbe 2022, "Alpha wrapping with
// an offset", ACM Trans. Graph. 41): it goes in where a ball of radius alpha (m) does, and stands off by offset (m).
SurfaceMesh alpha_wrap(const SurfaceMesh& mesh, double alpha, double offset);

}  // namespace streamtube::geometry
