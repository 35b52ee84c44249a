#pragma once
// What happens to a body between the CAD program and the solver: the damages a repair has to undo, or to refuse.

#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::test {

// Of a closed body of triangles about 1 m long (distances are given for that). All faces have points of their own
// afterwards, as in STL.
//   holes        twelve holes of one to thirty faces
//   flipped      every fifth face turned over
//   duplicated   every fourth face given twice, half of them the other way round
//   soup         faces in random order, from random corners on and either way round, points off by a micrometre
//   two_solids   cut in two closed halves that reach 0.2 m into each other
//   inner_walls  three cross-sections as walls, and a box within
//   millimetres  a thousand times as large
//   turned       by a quarter about the vertical axis
//   shifted      by (3, 2, 0) m
//   noisy        points off by a normally distributed 0.5 mm along each axis
const std::vector<std::string>& damages();
geometry::SurfaceMesh damaged(const geometry::SurfaceMesh& clean, const std::string& damage);

// The part with (p - point) . normal <= 0, closed by a lid (of a body whose section is star-shaped).
geometry::SurfaceMesh cut_off(const geometry::SurfaceMesh& body, const Vec3& point, const Vec3& normal);

}  // namespace streamtube::test
