#pragma once
// Bodies and their mirror images at a plane y = const: how far they are apart, where the plane is, and the body made of
// one half and its image. Half models are computed with them.

#include <string>

#include "geometry/surface_mesh.hpp"

namespace streamtube::solver {

// Left and right of a driver who looks forward: against the flow, which goes along +x, with z up.
enum class Side { left, right };  // y < 0, y > 0

// How far a body is from its own mirror image.
struct MirrorGap {
  double largest = 0;    // m, of a point of the body from the image
  Vec3 where{0, 0, 0};   // that point, m
  double share = 0;      // of the points that are farther than `tolerance`
  double tolerance = 0;  // m, 0.1 % of the body's length
  bool symmetric() const { return largest <= tolerance; }
};
// At the plane y = `plane`, m. Looks at no more than some 20,000 of the body's points.
MirrorGap mirror_gap(const geometry::SurfaceMesh& body, double plane = 0);

// Of the planes y = const that come into question the one at which the fewest points are without an image: y = 0,
// `given` (m, where the file has it), the middle of the bounds, the middle of most of the body.
double middle_plane(const geometry::SurfaceMesh& body, double given);

// Adds the image at y = 0 of every face behind the faces, corners turned so that normals stay outward. Points within
// `tolerance` of the plane, m, are their own images. Attributes stay as they are.
void append_image(geometry::SurfaceMesh& mesh, double tolerance);

// The body's half on one side of y = 0 and its image, closed where the body is. Attributes are dropped. Throws
// Error(input) naming `where` when nothing of the body is on that side.
geometry::SurfaceMesh of_one_half(geometry::SurfaceMesh body, Side side, const std::string& where);

}  // namespace streamtube::solver
