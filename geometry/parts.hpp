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

// Connected pieces that lie flat at the height z (within a twentieth of the body's height) and together reach beyond
// the rest of the body on both sides and on both ends: probably the ground.
struct FlatPieces {
  std::size_t faces = 0;
  std::vector<std::string> patches;
  Box bounds;
};
FlatPieces suspected_ground(const SurfaceMesh& mesh, double z);

}  // namespace streamtube::geometry
