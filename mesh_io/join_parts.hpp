#pragma once
// Private to mesh_io: one mesh that processors wrote in parts, with the fields over it. Parts share points, bit for
// bit.

#include <string>

#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"

namespace streamtube::mesh_io {

// Adds a part behind the others; patches of one name are one. Throws Error(input) that begins with `where` when the
// parts' fields are not the same.
void append_part(geometry::SurfaceMesh& to, const geometry::SurfaceMesh& part, const std::string& where);
void append_part(geometry::VolumeMesh& to, const geometry::VolumeMesh& part, const std::string& where);

// Points that are bit for bit the same become one; fields over points keep the first's value.
void merge_points(geometry::SurfaceMesh& mesh);
void merge_points(geometry::VolumeMesh& mesh);

// Of one part: takes away the faces or cells that another part owns (VTK's array vtkGhostType), and the array.
void drop_ghosts(geometry::SurfaceMesh& mesh);
void drop_ghosts(geometry::VolumeMesh& mesh);

}  // namespace streamtube::mesh_io
