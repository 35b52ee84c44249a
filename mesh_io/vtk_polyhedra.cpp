#include <vtkCellType.h>
#include <vtkLZ4DataCompressor.h>
#include <vtkLZMADataCompressor.h>
#include <vtkNew.h>
#include <vtkType.h>
#include <vtkXMLDataElement.h>
#include <vtkXMLDataParser.h>
#include <vtkZLibDataCompressor.h>

#include <cstring>
#include <fstream>

#include "core/error.hpp"
#include "mesh_io/vtk_tools.hpp"

namespace streamtube::mesh_io {
using core::Error;
using core::ErrorKind;
using core::str;
using geometry::VolumeMesh;

namespace {

class NewPolyhedra {
 public:
  NewPolyhedra(const std::string& path, const std::string& where) : where_(where), stream_(path, std::ios::binary) {
    parser_->SetStream(&stream_);
    if (!parser_->Parse()) fail("its XML cannot be parsed");
    vtkXMLDataElement* root = parser_->GetRootElement();
    const char* compressor = root->GetAttribute("compressor");
    if (compressor && !std::strcmp(compressor, "vtkZLibDataCompressor"))
      parser_->SetCompressor(vtkNew<vtkZLibDataCompressor>());
    else if (compressor && !std::strcmp(compressor, "vtkLZ4DataCompressor"))
      parser_->SetCompressor(vtkNew<vtkLZ4DataCompressor>());
    else if (compressor && !std::strcmp(compressor, "vtkLZMADataCompressor"))
      parser_->SetCompressor(vtkNew<vtkLZMADataCompressor>());
    vtkXMLDataElement* grid = root->FindNestedElementWithName("UnstructuredGrid");
    vtkXMLDataElement* piece = grid ? grid->FindNestedElementWithName("Piece") : nullptr;
    cells_ = piece ? piece->FindNestedElementWithName("Cells") : nullptr;
    for (int i = 0, pieces = 0; grid && i < grid->GetNumberOfNestedElements(); ++i)
      if (!std::strcmp(grid->GetNestedElement(i)->GetName(), "Piece") && ++pieces > 1)
        fail("has polyhedra in several pieces, which cannot be read");
  }

  bool has(const char* name) const {
    return cells_ && cells_->FindNestedElementWithNameAndAttribute("DataArray", "Name", name);
  }

  std::vector<std::int64_t> read(const char* name, std::size_t count) {
    vtkXMLDataElement* element = cells_->FindNestedElementWithNameAndAttribute("DataArray", "Name", name);
    if (!element) fail(str("has no array '", name, "'"));
    const char *type = element->GetAttribute("type"), *format = element->GetAttribute("format");
    const bool wide = type && (!std::strcmp(type, "Int64") || !std::strcmp(type, "UInt64"));
    if (!wide && !(type && (!std::strcmp(type, "Int32") || !std::strcmp(type, "UInt32"))))
      fail(str("array '", name, "' is not of integers"));
    std::vector<std::int64_t> values(count);
    std::vector<std::int32_t> narrow(wide ? 0 : count);
    void* buffer = wide ? static_cast<void*>(values.data()) : narrow.data();
    const int word = wide ? VTK_TYPE_INT64 : VTK_TYPE_INT32;
    std::size_t got = 0;
    if (format && !std::strcmp(format, "appended")) {
      vtkTypeInt64 offset = 0;
      if (!element->GetScalarAttribute("offset", offset)) fail(str("array '", name, "' has no offset"));
      got = parser_->ReadAppendedData(offset, buffer, 0, count, word);
    } else {
      got = parser_->ReadInlineData(element, format && !std::strcmp(format, "ascii"), buffer, 0, count, word);
    }
    if (got != count) fail(str("array '", name, "' has ", got, " of ", count, " values"));
    for (std::size_t i = 0; i < narrow.size(); ++i) values[i] = narrow[i];
    return values;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::input, str(where_, "the faces of its polyhedra: ", what), "the file is damaged");
  }

 private:
  const std::string& where_;
  std::ifstream stream_;
  vtkNew<vtkXMLDataParser> parser_;
  vtkXMLDataElement* cells_ = nullptr;
};

// Ends of lists that lie one after the other: never decreasing, and no longer than `limit` values in all.
void check_ends(const std::vector<std::int64_t>& ends, std::int64_t limit, const char* name, const NewPolyhedra& file) {
  std::int64_t last = 0;
  for (const std::int64_t end : ends) {
    if (end < last || end > limit) file.fail(str("array '", name, "' is not in order or too large"));
    last = end;
  }
}

}  // namespace

void read_new_polyhedra(const std::string& path, const std::string& where, VolumeMesh& mesh) {
  VtkMessages messages;
  NewPolyhedra file(path, where);
  if (!file.has("polyhedron_to_faces"))
    throw Error(ErrorKind::input, str(where, "holds polyhedra without their faces"), "export it again with faces");
  const auto limit = static_cast<std::int64_t>(64 * (mesh.corners.size() + mesh.points.size()) + 1024);
  const std::vector<std::int64_t> cell_ends = file.read("polyhedron_offsets", mesh.cell_count());
  check_ends(cell_ends, limit, "polyhedron_offsets", file);
  const std::vector<std::int64_t> cell_faces =
      file.read("polyhedron_to_faces", static_cast<std::size_t>(cell_ends.empty() ? 0 : cell_ends.back()));
  std::int64_t faces = 0;
  for (const std::int64_t f : cell_faces) {
    if (f < 0 || f >= limit) file.fail(str("there is no face ", f));
    faces = std::max(faces, f + 1);
  }
  const std::vector<std::int64_t> face_ends = file.read("face_offsets", static_cast<std::size_t>(faces));
  check_ends(face_ends, limit, "face_offsets", file);
  const std::vector<std::int64_t> face_points =
      file.read("face_connectivity", static_cast<std::size_t>(face_ends.empty() ? 0 : face_ends.back()));
  mesh.face_offsets.assign(mesh.cell_count(), -1);
  mesh.faces.clear();
  for (std::size_t c = 0; c < mesh.cell_count(); ++c) {
    if (mesh.types[c] != VTK_POLYHEDRON) continue;
    mesh.face_offsets[c] = static_cast<std::int64_t>(mesh.faces.size());
    const std::int64_t begin = c ? cell_ends[c - 1] : 0;
    mesh.faces.push_back(cell_ends[c] - begin);
    for (std::int64_t k = begin; k < cell_ends[c]; ++k) {
      const auto f = static_cast<std::size_t>(cell_faces[static_cast<std::size_t>(k)]);
      const std::int64_t first = f ? face_ends[f - 1] : 0;
      mesh.faces.push_back(face_ends[f] - first);
      mesh.faces.insert(mesh.faces.end(), face_points.begin() + first, face_points.begin() + face_ends[f]);
    }
  }
}

void check_polyhedra(const VolumeMesh& mesh, const std::string& where) {
  const auto size = static_cast<std::int64_t>(mesh.faces.size()),
             points = static_cast<std::int64_t>(mesh.points.size());
  for (std::size_t c = 0; c < mesh.cell_count(); ++c) {
    if (mesh.types[c] != VTK_POLYHEDRON) continue;
    const auto fail = [&](const std::string& what) {
      throw Error(ErrorKind::input, str(where, "polyhedron (cell ", c, "): ", what), "the file is damaged");
    };
    std::int64_t at = mesh.face_offsets.empty() ? -1 : mesh.face_offsets[c];
    if (at < 0 || at >= size) fail("has no faces");
    const std::int64_t faces = mesh.faces[static_cast<std::size_t>(at++)];
    if (faces < 4 || faces > size) fail(str("has ", faces, " faces"));
    for (std::int64_t f = 0; f < faces; ++f) {
      const std::int64_t n = at < size ? mesh.faces[static_cast<std::size_t>(at++)] : -1;
      if (n < 3 || n > size - at) fail(str("face ", f, " has ", n, " points"));
      for (std::int64_t k = 0; k < n; ++k)
        if (const std::int64_t p = mesh.faces[static_cast<std::size_t>(at++)]; p < 0 || p >= points)
          fail(str("face ", f, " names point ", p, " of ", points));
    }
  }
}

}  // namespace streamtube::mesh_io
