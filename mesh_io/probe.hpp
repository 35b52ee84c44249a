#pragma once
// Fields of a mesh at other places, by VTK's cell locator: what results on different meshes are compared with.

#include <vector>

#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"

namespace streamtube::mesh_io {

struct Probed {
  std::vector<char> found;                      // [n]
  std::vector<geometry::Attribute> attributes;  // [n] rows each, as points; 0 where nothing is found
};
// Of the nearest face, up to `reach` (m) away: its value, or for fields on points their interpolation there.
Probed probe(const geometry::SurfaceMesh& mesh, const std::vector<Vec3>& at, double reach);
// Of the cell around the place; nothing outside of all cells.
Probed probe(const geometry::VolumeMesh& mesh, const std::vector<Vec3>& at);

}  // namespace streamtube::mesh_io
