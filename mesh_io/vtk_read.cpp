// VTK's own formats, through VTK. Its readers report through messages and hand out what they have; here any error is
// thrown, and counts that cannot fit the file are refused before VTK allocates for them.

#include <vtkCellType.h>
#include <vtkDataSet.h>
#include <vtkDataSetReader.h>
#include <vtkErrorCode.h>
#include <vtkImageData.h>
#include <vtkNew.h>
#include <vtkPolyData.h>
#include <vtkRectilinearGrid.h>
#include <vtkSmartPointer.h>
#include <vtkStructuredGrid.h>
#include <vtkUnstructuredGrid.h>
#include <vtkXMLImageDataReader.h>
#include <vtkXMLPolyDataReader.h>
#include <vtkXMLRectilinearGridReader.h>
#include <vtkXMLStructuredGridReader.h>
#include <vtkXMLUnstructuredGridReader.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.hpp"
#include "mesh_io/formats.hpp"
#include "mesh_io/input_file.hpp"
#include "mesh_io/vtk_legacy_check.hpp"
#include "mesh_io/vtk_tools.hpp"
#include "mesh_io/vtk_xml_check.hpp"

namespace streamtube::mesh_io {
using core::Error;
using core::ErrorKind;
using core::str;

namespace {

const char* const kAgain = "the file is truncated or damaged; export or copy it again";

std::string where_text(const std::string& path, const char* format) { return str("'", path, "' (", format, "): "); }

void throw_messages(const VtkMessages& messages, unsigned long code, const std::string& where) {
  if (!messages.errors().empty()) throw Error(ErrorKind::input, where + messages.errors().front(), kAgain);
  if (code != vtkErrorCode::NoError)
    throw Error(ErrorKind::input, where + vtkErrorCode::GetStringFromErrorCode(code), kAgain);
  // VTK warns where data are missing and goes on; a mesh with holes in its data is no input.
  if (!messages.warnings().empty()) throw Error(ErrorKind::input, where + messages.warnings().front(), kAgain);
}

template <class Reader>
vtkSmartPointer<vtkDataSet> read_xml(const std::string& path, const char* format) {
  const std::string where = where_text(path, format);
  {
    const InputFile file(path, format);
    check_xml_file(file);
  }
  try {
    VtkMessages messages;
    vtkNew<Reader> reader;
    reader->SetFileName(path.c_str());
    reader->Update();
    throw_messages(messages, reader->GetErrorCode(), where);
    return vtkSmartPointer<vtkDataSet>(reader->GetOutput());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::input, where + "not enough memory for the sizes it gives", kAgain);
  }
}

vtkSmartPointer<vtkDataSet> read_legacy(const std::string& path) {
  const std::string where = where_text(path, "legacy VTK");
  {
    const InputFile file(path, "legacy VTK");
    check_legacy_file(file);
  }
  try {
    VtkMessages messages;
    vtkNew<vtkDataSetReader> reader;
    reader->SetFileName(path.c_str());
    reader->ReadAllScalarsOn();
    reader->ReadAllVectorsOn();
    reader->ReadAllNormalsOn();
    reader->ReadAllTensorsOn();
    reader->ReadAllTCoordsOn();
    reader->ReadAllFieldsOn();
    reader->Update();
    throw_messages(messages, reader->GetErrorCode(), where);
    vtkSmartPointer<vtkDataSet> data = vtkDataSet::SafeDownCast(reader->GetOutput());
    if (!data) throw Error(ErrorKind::input, where + "holds no mesh", kAgain);
    return data;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::input, where + "not enough memory for the sizes it gives", kAgain);
  }
}

std::string stem(const std::string& path) { return std::filesystem::path(path).stem().string(); }

geometry::VolumeMesh checked_volume(vtkDataSet* data, const std::string& path, const char* format, bool xml) {
  const std::string where = where_text(path, format);
  geometry::VolumeMesh mesh = volume_from_vtk(data, where);
  if (std::find(mesh.types.begin(), mesh.types.end(), VTK_POLYHEDRON) != mesh.types.end()) {
    if (xml && mesh.face_offsets.empty()) read_new_polyhedra(path, where, mesh);
    check_polyhedra(mesh, where);
  }
  return mesh;
}

geometry::SurfaceMesh vtp_surface(const std::string& path) {
  return surface_from_vtk(read_xml<vtkXMLPolyDataReader>(path, "VTP"), where_text(path, "VTP"), stem(path));
}
geometry::VolumeMesh vtp_volume(const std::string& path) {
  return checked_volume(read_xml<vtkXMLPolyDataReader>(path, "VTP"), path, "VTP", false);
}
geometry::SurfaceMesh vtu_surface(const std::string& path) {
  return surface_from_vtk(read_xml<vtkXMLUnstructuredGridReader>(path, "VTU"), where_text(path, "VTU"), stem(path));
}
geometry::VolumeMesh vtu_volume(const std::string& path) {
  return checked_volume(read_xml<vtkXMLUnstructuredGridReader>(path, "VTU"), path, "VTU", true);
}
geometry::SurfaceMesh legacy_surface(const std::string& path) {
  return surface_from_vtk(read_legacy(path), where_text(path, "legacy VTK"), stem(path));
}
geometry::VolumeMesh legacy_volume(const std::string& path) {
  return checked_volume(read_legacy(path), path, "legacy VTK", false);
}
geometry::VolumeMesh image_volume(const std::string& path) {
  return checked_volume(read_xml<vtkXMLImageDataReader>(path, "VTI"), path, "VTI", false);
}
geometry::VolumeMesh rectilinear_volume(const std::string& path) {
  return checked_volume(read_xml<vtkXMLRectilinearGridReader>(path, "VTR"), path, "VTR", false);
}
geometry::VolumeMesh structured_volume(const std::string& path) {
  return checked_volume(read_xml<vtkXMLStructuredGridReader>(path, "VTS"), path, "VTS", false);
}

// <VTKFile ... type="PolyData"
bool is_xml(std::string_view head, std::string_view type) {
  const std::size_t tag = head.find("<VTKFile");
  if (tag == std::string_view::npos || head.find_first_not_of(" \t\r\n\xef\xbb\xbf") != head.find('<')) return false;
  const std::string_view element = head.substr(tag, head.find('>', tag) - tag);
  return element.find(str("type=\"", type, "\"")) != std::string_view::npos ||
         element.find(str("type='", type, "'")) != std::string_view::npos;
}

}  // namespace

FormatEntry vtp_format() {
  return {{"VTP", {".vtp"}, true, true, true, false},
          [](std::string_view head, std::size_t) { return is_xml(head, "PolyData"); },
          true,
          vtp_surface,
          vtp_volume};
}
FormatEntry vtu_format() {
  return {{"VTU", {".vtu"}, true, false, true, true},
          [](std::string_view head, std::size_t) { return is_xml(head, "UnstructuredGrid"); },
          true,
          vtu_surface,
          vtu_volume};
}
FormatEntry vtk_image_format() {
  return {{"VTI", {".vti"}, false, false, true, false},
          [](std::string_view head, std::size_t) { return is_xml(head, "ImageData"); },
          true,
          nullptr,
          image_volume};
}
FormatEntry vtk_rectilinear_format() {
  return {{"VTR", {".vtr"}, false, false, true, false},
          [](std::string_view head, std::size_t) { return is_xml(head, "RectilinearGrid"); },
          true,
          nullptr,
          rectilinear_volume};
}
FormatEntry vtk_structured_format() {
  return {{"VTS", {".vts"}, false, false, true, false},
          [](std::string_view head, std::size_t) { return is_xml(head, "StructuredGrid"); },
          true,
          nullptr,
          structured_volume};
}
FormatEntry vtk_legacy_format() {
  return {{"legacy VTK", {".vtk"}, true, false, true, false},
          [](std::string_view head, std::size_t) { return head.substr(0, 14) == "# vtk DataFile"; },
          true,
          legacy_surface,
          legacy_volume};
}

}  // namespace streamtube::mesh_io
