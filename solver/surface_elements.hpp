#pragma once
// Elements to integrate surface fields over. Faces that are small enough stay whole; larger ones are cut in triangles
// by halving the longest edge until they are, so that one value in the middle of each element is enough.

#include <cstdint>
#include <functional>
#include <span>

#include "geometry/surface_mesh.hpp"

namespace streamtube::solver {

struct SurfaceElement {
  Vec3 position;      // m, centroid
  Vec3 area_vector;   // m2, along the outward normal
  std::int64_t face;  // of the mesh
  bool whole;         // the element is the face itself
};

// Calls `take` with blocks of at most `block` elements in the order of the faces. An element is small enough when its
// area is at most face_size^2 and its edges at most 2.5 face_size. Faces without area are left out.
void for_each_element(const geometry::SurfaceMesh& mesh, double face_size, std::size_t block,
                      const std::function<void(std::span<const SurfaceElement>)>& take);

}  // namespace streamtube::solver
