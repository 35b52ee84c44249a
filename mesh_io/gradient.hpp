#pragma once
// Derivatives of a field that is known on a mesh only, by VTK's gradient filter: what the exact derivatives of a
// network are compared with.

#include <vector>

#include "geometry/volume_mesh.hpp"

namespace streamtube::mesh_io {

// [n][components][3] = d field_c / d x_j, per metre, where the field itself is: on points the mean over the cells
// around of their linear interpolants' derivatives, on cells the derivative in the middle of a cell after averaging the
// field to its points. First order at boundaries and where cells of different sizes meet, second inside of a uniform
// grid. Error(input) when the field does not have as many values as the mesh has points or cells.
std::vector<float> gradient(const geometry::VolumeMesh& mesh, const geometry::Attribute& field);

}  // namespace streamtube::mesh_io
