#pragma once
// OpenFOAM's own files: the header, fields over a mesh (ASCII or binary) and the mesh in constant/polyMesh, read
// without OpenFOAM. Numbers are SI as OpenFOAM keeps them; of incompressible solvers the pressure is over the density.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"

namespace streamtube::mesh_io {

// The values of a field over cells or over the faces of a patch.
struct FoamValues {
  bool uniform = false;
  int components = 1;
  std::vector<double> values;  // [n][components]; [1][components] where uniform
  const double* at(std::size_t i) const {
    return values.data() + (uniform ? 0 : i * static_cast<std::size_t>(components));
  }
};

struct FoamPatchField {
  std::string name, type;  // name: of a patch, or a pattern in quotes that stands for several
  bool has_value = false;
  FoamValues value;
};

// A file of class vol<Type>Field. Type: scalar, vector.
struct FoamFieldFile {
  std::string path, text;  // the whole file
  std::string type;        // "volScalarField", "volVectorField"
  std::string dimensions;  // "0 2 -2 0 0 0 0"
  bool binary = false;
  int label_bytes = 4;
  FoamValues internal;
  std::size_t internal_begin = 0, internal_end = 0;  // of "internalField ... ;" in the text
  std::vector<FoamPatchField> patches;
  // "$internalField" and the like of the boundary, in the text: they change their meaning with the internal field.
  std::vector<std::pair<std::size_t, std::size_t>> references;
};
// cells: how many values a nonuniform internal field must have. Throws Error(input) naming file and entry; for a file
// that was compressed it says so.
FoamFieldFile read_foam_field(const std::string& path, std::size_t cells);
// The same file with another internal field ([cells][components], SI), in its own format; references to a uniform
// internal field get the value it had. Throws Error(input) where they cannot be kept.
std::string with_internal_field(const FoamFieldFile& field, const std::vector<double>& values);

// Whether OpenFOAM wrote the file to its end.
bool foam_file_complete(const std::string& path);

// The names of a case's times that have this field, in rising order; "0" first. Decomposed cases: of processor0.
std::vector<std::string> foam_times(const std::string& folder, const std::string& field);

struct PolyPatch {
  std::string name, type;  // "wall", "patch", "symmetryPlane", ...
  std::size_t start = 0, count = 0;
};

// A mesh of polyhedra: faces between cells. Normals point from owner to neighbour, on the boundary out of the fluid.
struct PolyMesh {
  std::vector<Vec3> points;                    // [P] m
  std::vector<std::int64_t> offsets, corners;  // [F + 1], indices of points
  std::vector<std::int64_t> owner, neighbour;  // [F], [internal F]
  std::vector<PolyPatch> patches;
  std::size_t cells = 0;
  std::size_t faces() const { return owner.size(); }
  const PolyPatch* find(const std::string& patch) const;  // null: there is none
};
// Of constant/polyMesh of a case. Throws Error(input) naming the file.
PolyMesh read_poly_mesh(const std::string& case_folder);

// As OpenFOAM computes them: faces by triangles around the mean of their corners, cells by pyramids.
struct PolyGeometry {
  std::vector<Vec3> face_center, face_area;  // [F] m, m2
  std::vector<Vec3> cell_center;             // [cells] m
  std::vector<double> cell_volume;           // [cells] m3
};
PolyGeometry poly_geometry(const PolyMesh& mesh);

// The faces of patches as a surface, corners turned so that normals point into the fluid: out of a body.
geometry::SurfaceMesh patch_surface(const PolyMesh& mesh, const std::vector<std::string>& patches);
// All cells, hexahedra as such and the rest as polyhedra. mirror: with their images at y = 0 behind them.
geometry::VolumeMesh to_volume_mesh(const PolyMesh& mesh, bool mirror);

}  // namespace streamtube::mesh_io
