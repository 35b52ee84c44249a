#pragma once
// Deformations of a body that keep its topology: points move, faces stay. Each is the identity where its numbers are
// zero. All lengths in metres, in the frame of the mesh.

#include <array>
#include <variant>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

// Over which share of its box a deformation fades to nothing at the sides -x, +x, -y, +y, -z, +z; 0: not at all, so
// that what the body has beyond that side is torn off it. The fading is a smooth step (second derivatives are
// continuous).
using Fading = std::array<double, 6>;

// Free-form deformation (Sederberg & Parry 1986, SIGGRAPH Computer Graphics 20): a lattice of control points over the
// box, whose displacements are blended by Bernstein polynomials.
struct LatticeMorph {
  Box box;
  Fading fading{};
  std::array<int, 3> points{2, 2, 2};  // along x, y, z, at least 2 each
  std::vector<Vec3> moved;             // [x * y * z], z fastest: displacement of each control point
};

// The part of the body in a box, moved and scaled.
struct RegionMorph {
  Box box;
  Fading fading{};
  Vec3 shift{0, 0, 0};
  Vec3 growth{0, 0, 0};  // factor - 1 along each axis
  Vec3 about{0, 0, 0};   // what the growth leaves in its place
};

// The body between two planes across an axis made longer; what lies beyond `to` moves along, what lies before `from`
// stays. `to` may be below `from`: then the lower end moves, towards lower values.
struct StretchMorph {
  int axis = 0;
  double from = 0, to = 0;
  double by = 0;  // m
};

// The part of the body in a box, or all of it, turned about the line through two points: a flap or a spoiler about its
// hinge, the rake of a whole car. Where the box's fading is less than 1 the angle is as much smaller, so that lengths
// to the line stay.
struct RotateMorph {
  Box box;  // empty: the whole body
  Fading fading{};
  Vec3 from{0, 0, 0}, to{0, 1, 0};  // the line; by the right-hand rule about its direction
  double angle = 0;                 // radians
};

using Morph = std::variant<LatticeMorph, RegionMorph, StretchMorph, RotateMorph>;

// The sides of the box through which edges of the mesh leave it: there a deformation of the box must fade.
std::array<bool, 6> crossed_sides(const SurfaceMesh& mesh, const Box& box);
// Points of the mesh in the box.
std::size_t points_inside(const SurfaceMesh& mesh, const Box& box);

// Error(internal) for an empty box, a fading beyond 0..1, a lattice that does not fit its displacements.
void check(const Morph& morph);
Vec3 moved(const Morph& morph, const Vec3& point);
void apply(const Morph& morph, SurfaceMesh& mesh);

}  // namespace streamtube::geometry
