#pragma once
// Pairs of triangles that cut each other; apart from the report because CGAL's headers take long to compile.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "physics/vec3.hpp"

namespace streamtube::geometry {

// triangles: [T] indices into points, of positive area, equal points merged (neighbours share indices and do not
// count). Nothing when CGAL could not decide. cut (optional): [T] whether the triangle meets another.
std::optional<std::int64_t> count_self_intersections(const std::vector<Vec3>& points,
                                                     const std::vector<std::array<std::uint32_t, 3>>& triangles,
                                                     std::vector<char>* cut = nullptr);

}  // namespace streamtube::geometry
