// VTM, VTK's multi-block data set: an XML tree that names one file a block. The tree is read by VTK, each file by our
// own reader, so that an error names the block's file.

#include <vtkSmartPointer.h>
#include <vtkXMLDataElement.h>
#include <vtkXMLUtilities.h>

#include <cstring>
#include <filesystem>

#include "core/error.hpp"
#include "geometry/parts.hpp"
#include "mesh_io/formats.hpp"
#include "mesh_io/input_file.hpp"
#include "mesh_io/vtk_tools.hpp"
#include "mesh_io/vtk_xml_check.hpp"

namespace streamtube::mesh_io {
using core::str;
using geometry::SurfaceMesh;

namespace {

constexpr int kMostNested = 16;  // files that name files, and blocks in blocks

SurfaceMesh read_tree(const std::string& path, Notes& notes, int depth);

class BlockReader {
 public:
  BlockReader(const InputFile& file, SurfaceMesh& mesh, Notes& notes, int depth)
      : file_(file),
        folder_(std::filesystem::path(file.path()).parent_path()),
        mesh_(mesh),
        notes_(notes),
        depth_(depth) {}

  void read(vtkXMLDataElement* parent, const std::string& path, int depth) {
    if (depth > kMostNested) file_.fail(str("its blocks lie more than ", kMostNested, " deep in one another"));
    for (int i = 0; i < parent->GetNumberOfNestedElements(); ++i) {
      vtkXMLDataElement* element = parent->GetNestedElement(i);
      const std::string tag = element->GetName() ? element->GetName() : "";
      if (tag != "Block" && tag != "Piece" && tag != "DataSet") continue;
      const char* given = element->GetAttribute("name");
      const char* index = element->GetAttribute("index");
      const std::string own = given && *given ? std::string(given) : str("block_", index ? index : std::to_string(i));
      // The pieces of one block are no parts of their own.
      const std::string here = tag == "Piece" || parent_is_piece(parent) ? path : path.empty() ? own : path + "/" + own;
      if (tag != "DataSet")
        read(element, here, depth + 1);
      else if (const char* name = element->GetAttribute("file"); name && *name)  // else an empty block
        add(here, name);
    }
  }

 private:
  // Blocks without a surface, such as the volume that foamToVTK writes beside the patches, are left out.
  void add(const std::string& block, const std::string& name) {
    const std::string extension = lower(std::filesystem::path(name).extension().string());
    const auto target = std::filesystem::path(name).is_absolute() ? std::filesystem::path(name) : folder_ / name;
    if (extension == ".vti" || extension == ".vtr" || extension == ".vts")
      return notes_.push_back(
          str("block ", mesh_io::quoted(block), " (", mesh_io::quoted(name), ") has no surface and is left out"));
    try {
      Notes notes;
      const SurfaceMesh part =
          extension == ".vtm" ? read_tree(target.string(), notes, depth_ + 1) : read_with_notes(target.string(), notes);
      for (const auto& note : notes) notes_.push_back(str("block ", mesh_io::quoted(block), ": ", note));
      geometry::append(mesh_, part, block);
    } catch (const NoSurface& none) {
      notes_.push_back(str("block ", mesh_io::quoted(block), " has no surface and is left out: ", none.message()));
    }
  }

  static SurfaceMesh read_with_notes(const std::string& path, Notes& notes) {
    ReadReport report;
    SurfaceMesh mesh = read_surface(path, 1.0, {}, &report);
    notes = std::move(report.warnings);
    return mesh;
  }

  static bool parent_is_piece(vtkXMLDataElement* e) { return e->GetName() && std::strcmp(e->GetName(), "Piece") == 0; }
  const InputFile& file_;
  std::filesystem::path folder_;
  SurfaceMesh& mesh_;
  Notes& notes_;
  int depth_;
};

SurfaceMesh read_tree(const std::string& path, Notes& notes, int depth) {
  const InputFile file(path, "VTM");
  if (depth > kMostNested) file.fail(str("more than ", kMostNested, " VTM files name one another"));
  check_xml_file(file);
  VtkMessages messages;
  const auto root = vtkSmartPointer<vtkXMLDataElement>::Take(vtkXMLUtilities::ReadElementFromFile(path.c_str()));
  vtkXMLDataElement* tree = root ? root->FindNestedElementWithName("vtkMultiBlockDataSet") : nullptr;
  if (!tree)
    file.fail(messages.errors().empty() ? std::string("is no complete multi-block file") : messages.errors().front(),
              "the file is truncated or damaged; export or copy it again");
  SurfaceMesh mesh;
  BlockReader(file, mesh, notes, depth).read(tree, "", 0);
  if (mesh.face_count() == 0) {
    std::string why;
    for (const std::string& note : notes) why += "; " + note;
    throw NoSurface(core::ErrorKind::input,
                    str("'", path, "' (VTM): names no block with a surface", why.substr(0, 400)),
                    "export the surfaces of the body");
  }
  return mesh;
}

SurfaceMesh read_multiblock(const std::string& path, Notes& notes) { return read_tree(path, notes, 0); }

bool is_multiblock(std::string_view head, std::size_t) {
  const std::size_t tag = head.find("<VTKFile");
  return tag != head.npos && head.substr(tag, head.find('>', tag) - tag).find("vtkMultiBlockDataSet") != head.npos;
}

}  // namespace

FormatEntry vtk_multiblock_format() {
  return {{"VTM", {".vtm"}, true, false, false, false}, is_multiblock, true, read_multiblock, nullptr};
}

}  // namespace streamtube::mesh_io
