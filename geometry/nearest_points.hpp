#pragma once
// Which of many points is nearest, by a tree of CGAL.

#include <cstddef>
#include <vector>

#include "physics/vec3.hpp"

namespace streamtube::geometry {

// For each place the index of the nearest of `points`, of which there is at least one.
std::vector<std::size_t> nearest_points(const std::vector<Vec3>& points, const std::vector<Vec3>& places);

}  // namespace streamtube::geometry
