#pragma once
// Meshes with fields as rows of a data set: a row a face or cell, or a row a point where the fields are on points.

#include <cstdint>
#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"

namespace streamtube::mesh_io {

// In double and in the file's own frame. `source`: the face, cell or point that a row is.
struct MeshRows {
  std::vector<Vec3> position;  // m
  std::vector<Vec3> normal;    // unit; of surfaces
  std::vector<double> size;    // m2 or m3; empty: unknown
  std::vector<std::int64_t> source;
};

// Faces: centroid, normal by the order of the corners, area; faces without an area are left out. Points: the sum of the
// shares of the faces around as normal times size, so that sums of value times normal times size are those of the faces
// with the mean of their corners; points of no face are left out.
MeshRows surface_rows(const geometry::SurfaceMesh& mesh, geometry::Association on);
// Cells: centre of gravity and volume. Points: the shares of the cells around; points of no cell are left out.
MeshRows volume_rows(const geometry::VolumeMesh& mesh, geometry::Association on);

// An array of faces or cells on the points, the mean of those around (by their area where they are faces), or one of
// points on the faces or cells, the mean of their corners.
geometry::Attribute averaged(const geometry::SurfaceMesh& mesh, const geometry::Attribute& array);
geometry::Attribute averaged(const geometry::VolumeMesh& mesh, const geometry::Attribute& array);

// For every position the index in `others` of the point in the same place, within a millionth of the extent; -1: there
// is none. Of several in one place each is taken once, in order.
std::vector<std::int64_t> match_points(const std::vector<Vec3>& positions, const std::vector<Vec3>& others);

}  // namespace streamtube::mesh_io
