#pragma once
// Elements to integrate surface fields over, small enough that one value in the middle of each is enough: either the
// faces of a mesh, large ones cut in pieces, or pieces that depend on the shape alone and not on its triangles.

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

struct SurfaceElement {
  Vec3 position;      // m, centroid
  Vec3 area_vector;   // m2, along the outward normal
  double area;        // m2; more than the length of area_vector where the element is bent
  std::int64_t face;  // of the mesh; of an element of several faces one of them
  bool whole;         // the element is the face itself
};

// Calls `take` with blocks of at most `block` elements in the order of the faces. Faces that are small enough stay
// whole; others are cut in triangles by halving the longest edge until they are: an area of at most 2 face_size^2,
// edges of at most 2.5 face_size. Faces without area are left out.
void for_each_element(const SurfaceMesh& mesh, double face_size, std::size_t block,
                      const std::function<void(std::span<const SurfaceElement>)>& take);

// Cells with the corner `low`, `width` wide along each of three axes at right angles.
struct Lattice {
  Vec3 low;                                                     // m
  double width;                                                 // m
  std::array<Vec3, 3> axes{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};  // unit vectors
  // Turned against the axes, so that what rows of elements along a side miss of a peak differs from row to row and
  // cancels in sums.
  static Lattice oblique(const Vec3& low, double width);
};

// The surface cut along the planes of a lattice; what lies in one cell, in one patch and faces about the same way
// becomes one element. Other triangles of the same shape give the same elements but for rounding, and their number
// depends on the area alone. Faces marked in left_out ([F], or empty) and faces without area are not in them. In the
// order of the cells; none is `whole`.
std::vector<SurfaceElement> lattice_elements(const SurfaceMesh& mesh, const Lattice& lattice,
                                             const std::vector<char>& left_out = {});

}  // namespace streamtube::geometry
