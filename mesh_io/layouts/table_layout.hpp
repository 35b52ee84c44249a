#pragma once
// Layouts that a table describes: VTK files and cases of OpenFOAM.

#include <memory>
#include <string>

#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"
#include "mesh_io/h5/import.hpp"
#include "mesh_io/layouts/table.hpp"

namespace streamtube::mesh_io {

// `json`: the table, which `where` names in messages.
std::unique_ptr<Layout> table_layout(const std::string& json, const std::string& where);

// All layouts there are: that of ahmed_layout() and the built-in tables. With `changes`, a user's table (a path): laid
// over those that it fits, or over `only` that one, or, where it names its own surface file, the one layout "own".
Layouts all_layouts(const std::string& changes = {}, const std::string& only = "auto");

// The latest time of a case of OpenFOAM as the layout "openfoam" imports it, with its meshes: pressure,
// wall_shear_stress over faces, outward, and pressure, velocity, vorticity over cells, in SI; half models whole.
struct FoamResult {
  CaseInfo info;
  bool incompressible = false;  // the case's pressures are over the density; here times info.flow.density
  geometry::SurfaceMesh surface;
  geometry::VolumeMesh volume;
};
FoamResult read_foam_result(const std::string& folder);

}  // namespace streamtube::mesh_io
