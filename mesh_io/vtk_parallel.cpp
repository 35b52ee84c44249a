// PVTP and PVTU, VTK's data sets in pieces: an XML file that names one file a piece. The list is read by VTK, each
// piece by our own reader, so that an error names the piece's file.

#include <vtkSmartPointer.h>
#include <vtkXMLDataElement.h>
#include <vtkXMLUtilities.h>

#include <filesystem>

#include "core/error.hpp"
#include "mesh_io/formats.hpp"
#include "mesh_io/input_file.hpp"
#include "mesh_io/join_parts.hpp"
#include "mesh_io/vtk_tools.hpp"
#include "mesh_io/vtk_xml_check.hpp"

namespace streamtube::mesh_io {
using core::ErrorKind;
using core::str;
using geometry::SurfaceMesh;
using geometry::VolumeMesh;

namespace {

constexpr const char* kPolygons = "PPolyData";
constexpr const char* kCells = "PUnstructuredGrid";

// The files of the pieces, in order.
std::vector<std::string> pieces(const InputFile& file) {
  check_xml_file(file);
  VtkMessages messages;
  const auto root = vtkSmartPointer<vtkXMLDataElement>::Take(vtkXMLUtilities::ReadElementFromFile(file.path().c_str()));
  vtkXMLDataElement* list = nullptr;
  for (const char* name : {kPolygons, kCells})
    if (root && !list) list = root->FindNestedElementWithName(name);
  if (!list)
    file.fail(messages.errors().empty() ? std::string("is no complete list of pieces") : messages.errors().front(),
              "the file is truncated or damaged; export or copy it again");
  const std::filesystem::path folder = std::filesystem::path(file.path()).parent_path();
  std::vector<std::string> out;
  for (int i = 0; i < list->GetNumberOfNestedElements(); ++i) {
    vtkXMLDataElement* element = list->GetNestedElement(i);
    if (!element->GetName() || std::string(element->GetName()) != "Piece") continue;
    const char* source = element->GetAttribute("Source");
    if (!source || !*source) file.fail(str("piece ", out.size(), " names no file"));
    const std::filesystem::path name(source);
    const std::string extension = lower(name.extension().string());
    if (extension != ".vtp" && extension != ".vtu")
      file.fail(str("piece ", out.size(), " is ", quoted(source), ", which is no .vtp or .vtu"));
    out.push_back((name.is_absolute() ? name : folder / name).string());
  }
  if (out.empty()) file.fail("names no pieces", "export it again");
  return out;
}

std::string stem(const std::string& path) { return std::filesystem::path(path).stem().string(); }

SurfaceMesh parallel_surface(const std::string& path, const char* format, Notes& notes) {
  const InputFile file(path, format);
  SurfaceMesh mesh;
  for (const std::string& piece : pieces(file)) {
    ReadReport report;
    try {
      SurfaceMesh part = read_surface(piece, 1.0, {}, &report);
      // Pieces are no parts of the body: what names none has the name of the whole.
      for (std::string& name : part.patch_names)
        if (name == stem(piece)) name = stem(path);
      append_part(mesh, part, str("'", piece, "': "));
    } catch (const NoSurface&) {
      continue;  // a processor without a face of the body
    }
    for (const std::string& note : report.warnings) notes.push_back(str("piece ", quoted(stem(piece)), ": ", note));
  }
  if (mesh.face_count() == 0)
    throw NoSurface(ErrorKind::input, str("'", path, "' (", format, "): no piece has a surface"),
                    "export the surfaces of the body");
  merge_points(mesh);
  return mesh;
}

VolumeMesh parallel_volume(const std::string& path, const char* format) {
  const InputFile file(path, format);
  VolumeMesh mesh;
  for (const std::string& piece : pieces(file)) {
    const VolumeMesh part = read_volume(piece);  // without ghosts
    if (part.cell_count() > 0) append_part(mesh, part, str("'", piece, "': "));
  }
  if (mesh.cell_count() == 0) file.fail("no piece has a cell");
  merge_points(mesh);
  return mesh;
}

SurfaceMesh pvtp_surface(const std::string& path, Notes& notes) { return parallel_surface(path, "PVTP", notes); }
SurfaceMesh pvtu_surface(const std::string& path, Notes& notes) { return parallel_surface(path, "PVTU", notes); }
VolumeMesh pvtp_volume(const std::string& path) { return parallel_volume(path, "PVTP"); }
VolumeMesh pvtu_volume(const std::string& path) { return parallel_volume(path, "PVTU"); }

bool names(std::string_view head, const char* type) {
  const std::size_t tag = head.find("<VTKFile");
  return tag != head.npos && head.substr(tag, head.find('>', tag) - tag).find(type) != head.npos;
}

}  // namespace

FormatEntry vtk_parallel_surface_format() {
  return {{"PVTP", {".pvtp"}, true, false, true, false},
          [](std::string_view head, std::size_t) { return names(head, kPolygons); },
          true,
          pvtp_surface,
          pvtp_volume};
}
FormatEntry vtk_parallel_volume_format() {
  return {{"PVTU", {".pvtu"}, true, false, true, false},
          [](std::string_view head, std::size_t) { return names(head, kCells); },
          true,
          pvtu_surface,
          pvtu_volume};
}

}  // namespace streamtube::mesh_io
