#pragma once
// A body in pieces: joined from several meshes, freed of a patch, searched for a ground that came along.

#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

// Adds the faces of `part` to those of `to`, points and patches of their own; attributes are left out. A part of one
// patch is called `name`, several are called name/patch.
void append(SurfaceMesh& to, const SurfaceMesh& part, const std::string& name);

// Keeps the points that faces use; returns their old indices. Attributes stay as they are.
std::vector<std::int64_t> drop_unused_points(SurfaceMesh& mesh);

// The mesh without the patches marked in `drop` [patches]: their faces, points and names. Attributes are left out.
SurfaceMesh without_patches(const SurfaceMesh& mesh, const std::vector<char>& drop);

// Area (m2) and number of faces of each patch.
struct PatchSize {
  std::size_t faces = 0;
  double area = 0;
};
std::vector<PatchSize> patch_sizes(const SurfaceMesh& mesh);

// The mesh without the faces marked in `drop` [F]; names of patches stay. Attributes are left out.
SurfaceMesh without_faces(const SurfaceMesh& mesh, const std::vector<char>& drop);

// How much of what two bodies fill is filled by both: the volume of the intersection over that of the union, by 4,096
// points of the box around them. 0 where the boxes themselves have less than half in common.
double shared_space(const SurfaceMesh& one, const SurfaceMesh& other);

// Completes half a body by its mirror image across the axis (0 x, 1 y, 2 z), at that one of its two ends which has a
// lid or an open rim in a plane, or, where both or none have, is nearer to 0. Faces in the plane go, points within a
// hundred thousandth of its size of it are moved into it. Returns the plane's coordinate, m. Attributes are left out.
double complete_half(SurfaceMesh& mesh, int axis);

// What stands around a body in its file, whichever way is up: pieces without a connection to the rest that lie flat at
// one end of it (within a twentieth of the whole) and together reach beyond it on all four sides, a ground; or one
// whose faces all lie in the sides of a box that the rest stands in, more than half as long again as it and twice as
// wide and high, a wind tunnel. The rest stands at one side of that box alone or, with its normals outward, free in it.
struct Surroundings {
  std::vector<char> of;  // [F]; empty: nothing of the kind
  bool tunnel = false;
  std::size_t faces = 0;
  std::vector<std::string> patches;
  Box bounds;
};
Surroundings find_surroundings(const SurfaceMesh& mesh);

// Lids over the openings of a surface that was cut at the height z (m): flat, looking down, of the patch they are next
// to; they come behind the other faces.
struct Lids {
  std::size_t count = 0, faces = 0;
  double area = 0;  // m2
};
// Closes openings whose borders lie at z exactly, also those with islands; where their borders cross or do not close,
// they stay open.
Lids close_at(SurfaceMesh& mesh, double z);

// Faces whose corners all lie at or below the height z, m. [F], or empty: none.
std::vector<char> faces_at_ground(const SurfaceMesh& mesh, double z);

}  // namespace streamtube::geometry
