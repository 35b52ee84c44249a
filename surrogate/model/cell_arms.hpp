#pragma once
// The places around cells whose velocities make the cells' vorticity (physics/cell_vorticity.hpp), for many cells.

#include <cstddef>
#include <span>
#include <vector>

#include "geometry/wall_distance.hpp"
#include "physics/vec3.hpp"

namespace streamtube::surrogate {

struct CellArms {
  std::vector<std::size_t> begin{0};  // [cells + 1] where a cell's arms begin among all
  std::vector<Vec3> places, weights;  // [arms] m, 1/m
  std::size_t cells() const { return begin.size() - 1; }
  // 1/s (or 1/m of u / U) of a cell, out of velocities [arms][stride], of which the first three count.
  Vec3 vorticity(std::size_t cell, const float* velocities, std::size_t stride) const;
};

// centers m, sizes m (cube roots of volumes), nearest: place of the body's wall, [cells] each; ground: as
// cell_stencil() has it.
CellArms cell_arms(std::span<const Vec3> centers, std::span<const double> sizes,
                   std::span<const geometry::WallPoint> nearest, double ground);

}  // namespace streamtube::surrogate
