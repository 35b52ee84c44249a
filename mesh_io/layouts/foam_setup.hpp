#pragma once
// What a case of OpenFOAM says about itself beside its fields: flow, reference quantities and coefficients, from its
// dictionaries and what its force function objects wrote.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mesh_io/openfoam.hpp"

namespace streamtube::mesh_io {

// Zero or empty where the case does not say it.
struct FoamSetup {
  double velocity = 0, density = 0, kinematic_viscosity = 0;  // m/s, kg/m3, m2/s
  double reference_length = 0, reference_area = 0;            // m, m2
  std::vector<std::string> body;                              // names of the patches that forces are of
  std::map<std::string, double> coefficients;                 // "Cd", "Cl", in these reference quantities
  // Without forceCoeffs: of the function object forces, N on the body (of a half: on that half).
  std::optional<Vec3> force;
};

// Of the function object forceCoeffs, or without it of forces, in system/controlDict and its table in postProcessing:
// the row of `time`, or with `averaged` the mean of the rows up to it since fieldAverage began. The viscosity is
// constant/transportProperties', the velocity else the uniform internalField of 0/U. Without forceCoeffs the body is
// all walls but those named like a ground (ground, floor, road, lower).
FoamSetup read_foam_setup(const FoamCase& c, const std::string& time, bool averaged);

// Makes a whole of a half: adds the mirror images at y = 0 of points, faces, cells and their fields (the y component of
// vectors changes its sign, of `axial` ones x and z instead).
void mirror(geometry::SurfaceMesh& mesh, const std::vector<std::string>& axial);
void mirror(geometry::VolumeMesh& mesh, const std::vector<std::string>& axial);

}  // namespace streamtube::mesh_io
