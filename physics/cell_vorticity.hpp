#pragma once
// Vorticity as a finite-volume solver has it: not the slope of the velocity at a point but a mean over a cell, by
// Gauss' theorem out of the velocities on the cell's faces. Away from walls both agree to second order in the cell's
// size. In a cell that touches a wall they do not: there one face is the wall, where the fluid has the wall's velocity,
// and the mean is a difference to that over the height of the cell, whatever the profile between them.
//
// The mean is a sum over at most six places around the cell's centre:
//
//   omega = sum over arms of weight x u(centre + offset)
//
//   first cell at a body (distance d of its centre below 0.65 of its size): the cell is 2 d high and ends at the wall,
//     whose velocity is 0: one arm, u at the face away from the wall, n / (2 d)
//   others: differences of the velocity over the centres of the cells around, along the axes, as in meshes of
//     hexahedra; where an arm along an axis would enter the body, along its normal and two tangents
//   at the ground: arms end there, and the velocity there is the field's own, as the ground may move

#include <array>
#include <span>

#include "physics/vec3.hpp"

namespace streamtube::physics {

struct CellArm {
  Vec3 offset;  // m, from the centre
  Vec3 weight;  // 1/m
};

struct CellStencil {
  std::array<CellArm, 6> arms;
  int count = 0;
  std::span<const CellArm> used() const { return {arms.data(), static_cast<std::size_t>(count)}; }
};

// A cell whose centre is closer to a body than this part of its size touches the body. Whole cubes there have 0.5,
// cells cut by the body or pushed onto it less, or up to 0.65 where they are higher than wide; second cells, on a cut
// one, begin at 0.75 (all cells of a snappyHexMesh around an Ahmed body counted).
inline constexpr double kFirstCell = 0.65;

// center m; size: cube root of the cell's volume, m, positive. wall_distance m and the unit vector from the wall to the
// centre, of the body. ground: z of a plane below which there is nothing, m; -infinity without one.
CellStencil cell_stencil(const Vec3& center, double size, double wall_distance, const Vec3& wall_direction,
                         double ground);

// Whether cell_stencil() takes the one difference to the wall.
inline bool touches_wall(double size, double wall_distance) { return wall_distance < kFirstCell * size; }

// m, where cells with these centres and volumes (m3) end below: the lowest of their lower faces. The ground, where
// there is one.
double lowest_face(std::span<const Vec3> centers, std::span<const float> volumes);

}  // namespace streamtube::physics
