#pragma once
// Points and values at them as text, one row a point, as programs of CFD and spreadsheets write them: STAR-CCM+'s
// tables, Fluent's ASCII export, ParaView's spreadsheets, and samples.csv of predict.

#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"
#include "physics/vec3.hpp"

namespace streamtube::mesh_io {

struct PointTable {
  std::vector<Vec3> points;  // in the file's unit; m where the heading says the unit
  bool unit_stated = false;
  std::vector<geometry::Attribute> fields;  // of points: pressure, wall_shear_stress, velocity, vorticity, Cp, Cf
  std::vector<std::string> not_taken;       // columns that are none of these
};

// Columns are separated by commas, semicolons, tabs or blanks; words may stand in quotation marks. The first line may
// name them: "X (m)", "x-coordinate", "Points:0"; "Pressure (Pa)", "Velocity[i] (m/s)", "x-wall-shear", "velocity:0".
// Without names the first three are x, y and z. Lines that begin with '#' are left out. A field without one of its
// components is none. Throws Error(input) naming file and line: a word that is no number, a row without coordinates,
// more than `most` points, none at all.
PointTable read_point_table(const std::string& path, std::size_t most = 20'000'000);

// By its name: .csv, .txt, .xy, .dat.
bool is_point_table(const std::string& path);

}  // namespace streamtube::mesh_io
