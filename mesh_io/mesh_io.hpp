#pragma once
// Reading and writing meshes with fields. Formats are chosen by content where it is unmistakable, else by extension;
// a mismatch of the two is an error that names both. Every error names the file, the format and the place.

#include <string>
#include <utility>
#include <vector>

#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"

namespace streamtube::mesh_io {

struct Format {
  std::string name;                     // "STL"
  std::vector<std::string> extensions;  // lower case, with the dot
  bool reads_surface = false, writes_surface = false, reads_volume = false, writes_volume = false;
};
const std::vector<Format>& formats();

// What a mesh file is called: its name without folder, extension and .gz ("body" of "car/body.obj.gz").
std::string name_of_mesh(const std::string& path);
// Whether the file is a surface by its extension, also packed where that is read (.stl.gz).
bool names_surface(const std::string& path);

// How CAD is turned into triangles.
struct CadOptions {
  double deviation = 0;  // m, of the triangles from the surface; 0: 1/2000 of the diagonal of all that is in the file
};
// What reading found: warnings of any format, the rest of CAD alone.
struct ReadReport {
  std::vector<std::string> warnings;     // what could not be read, or was read although it is not by the book
  std::string format, unit;              // "STEP", "mm"
  std::size_t solids = 0, surfaces = 0;  // surfaces: shells and faces that bound no solid, sewn together
  std::size_t faces = 0, triangles = 0;  // of the boundary representation; of the mesh
  double deviation = 0;                  // m, used
  std::vector<std::string> colours;      // [patches] "#RRGGBB", empty where the file gives none
};

// STL (ASCII, binary; solids -> patches; bit-equal points are merged), OBJ (groups -> patches), PLY, VTP, VTU and
// legacy VTK (2-D cells; strips become triangles; a cell array "patch" with the field data "patch_names" -> patches),
// VTM (the surfaces of its blocks, names joined by '/', -> patches). Faces keep the file's order. Arrays become float
// attributes (not of VTM). STL, OBJ and PLY also packed by gzip (.stl.gz), their texts also in UTF-16. STEP and IGES,
// where built with Open CASCADE: tessellated; parts of the assembly -> patches, names joined by '/', edges shared.
// file_unit: metres per unit of the file, where that does not say it itself (CAD does). Throws Error(input).
geometry::SurfaceMesh read_surface(const std::string& path, double file_unit = 1.0, const CadOptions& options = {},
                                   ReadReport* report = nullptr);
// VTU and legacy VTK with cells of any type (polyhedra of VTK >= 9.4 too), VTI, VTR, VTS, VTP (its cells as they are).
// Pixels and voxels become quads and hexahedra. Throws Error(input).
geometry::VolumeMesh read_volume(const std::string& path, double file_unit = 1.0);

// Binary VTP/VTU (appended base64, LZ4) in the file's own unit, points in double, fields in float32. The first field of
// one and of three components is the active scalar and vector. `metadata` goes in as string field data (name, value).
// Under its final name only when complete; Error(runtime) names the path and the system's reason.
using Metadata = std::vector<std::pair<std::string, std::string>>;
void write_vtp(const std::string& path, const geometry::SurfaceMesh& mesh, const Metadata& metadata = {});
void write_vtu(const std::string& path, const geometry::VolumeMesh& mesh, const Metadata& metadata = {});
void write_stl(const std::string& path, const geometry::SurfaceMesh& mesh);  // binary; for samples and tests

// A ParaView collection that opens several files at once; names relative to the .pvd's folder.
struct PvdEntry {
  std::string name, file;
};
void write_pvd(const std::string& path, const std::vector<PvdEntry>& entries);

}  // namespace streamtube::mesh_io
