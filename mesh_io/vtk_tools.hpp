#pragma once
// Private to mesh_io: between VTK's data sets and ours, and VTK's messages as errors. Forward declarations only.

#include <functional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "geometry/surface_mesh.hpp"
#include "geometry/volume_mesh.hpp"

class vtkDataSet;
class vtkUnstructuredGrid;

namespace streamtube::mesh_io {

// While one lives, what VTK says in this thread is collected instead of printed.
class VtkMessages {
 public:
  VtkMessages();
  ~VtkMessages();
  VtkMessages(const VtkMessages&) = delete;
  VtkMessages& operator=(const VtkMessages&) = delete;
  const std::vector<std::string>& errors() const { return errors_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  void add(bool error, const char* text);

 private:
  std::vector<std::string> errors_, warnings_;
  VtkMessages* outer_;
};

// A file that is in order and has no surface: no reason to refuse what else there is.
struct NoSurface : core::Error {
  using Error::Error;
};

// Polygons, quads, triangles and strips (as triangles) of a data set; those of higher order by their corners, which is
// noted. Other cells are left out, and with them the points that only they use, which is noted too. Arrays that do not
// fit are left out with a note. Throws
// Error(input) that begins with `where`: NoSurface when no cell is left, or where one's kind is not known.
geometry::SurfaceMesh surface_from_vtk(vtkDataSet* data, const std::string& where, const std::string& default_patch,
                                       std::vector<std::string>& notes);
// All cells of a data set; pixels and voxels become quads and hexahedra.
geometry::VolumeMesh volume_from_vtk(vtkDataSet* data, const std::string& where);

// Points (divided by file_unit) and cells of a mesh into an empty grid, without its attributes. What the layout allows
// is borrowed: the mesh must outlive the grid. Throws Error that begins with `where` when the arrays do not fit.
void volume_to_vtk(const geometry::VolumeMesh& mesh, double file_unit, const std::string& where,
                   vtkUnstructuredGrid* grid);
// Borrowed likewise. The first of one and of three components become the active scalar and vector.
void add_attributes(vtkDataSet* to, const std::vector<geometry::Attribute>& attributes);

// Files of VTK >= 9.4 store the faces of polyhedra in arrays that VTK 9.1 skips without a word. Reads them from the XML
// file into mesh.faces; throws Error(input) when they are not there or do not fit.
void read_new_polyhedra(const std::string& path, const std::string& where, geometry::VolumeMesh& mesh);
// Throws Error(input) unless the face stream of every polyhedron is complete and names existing points.
void check_polyhedra(const geometry::VolumeMesh& mesh, const std::string& where);

// Names of the arrays that carry the patches of a surface in VTK files.
inline constexpr const char* kPatchArray = "patch";
inline constexpr const char* kPatchNames = "patch_names";

}  // namespace streamtube::mesh_io
