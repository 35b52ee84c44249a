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

namespace streamtube::mesh_io {
using core::str;
using geometry::SurfaceMesh;

namespace {

class BlockReader {
 public:
  BlockReader(const InputFile& file, SurfaceMesh& mesh)
      : file_(file), folder_(std::filesystem::path(file.path()).parent_path()), mesh_(mesh) {}

  void read(vtkXMLDataElement* parent, const std::string& path) {
    for (int i = 0; i < parent->GetNumberOfNestedElements(); ++i) {
      vtkXMLDataElement* element = parent->GetNestedElement(i);
      const std::string tag = element->GetName() ? element->GetName() : "";
      if (tag != "Block" && tag != "Piece" && tag != "DataSet") continue;
      const char* given = element->GetAttribute("name");
      const char* index = element->GetAttribute("index");
      const std::string own = given && *given ? std::string(given) : str("block_", index ? index : std::to_string(i));
      // The pieces of one block are no parts of their own.
      const std::string here = tag == "Piece" || parent_is_piece(parent) ? path : path.empty() ? own : path + "/" + own;
      if (tag != "DataSet") {
        read(element, here);
        continue;
      }
      const char* name = element->GetAttribute("file");
      if (!name || !*name) continue;  // an empty block
      const std::string extension = lower(std::filesystem::path(name).extension().string());
      if (extension != ".vtp" && extension != ".vtu")
        file_.fail(str("block ", quoted(here), " is in ", quoted(name), ": only VTP and VTU blocks hold a surface"),
                   "leave volume blocks out of the export (ParaView: Extract Surface first)");
      const auto target = std::filesystem::path(name).is_absolute() ? std::filesystem::path(name) : folder_ / name;
      geometry::append(mesh_, read_surface(target.string()), here);
    }
  }

 private:
  static bool parent_is_piece(vtkXMLDataElement* e) { return e->GetName() && std::strcmp(e->GetName(), "Piece") == 0; }
  const InputFile& file_;
  std::filesystem::path folder_;
  SurfaceMesh& mesh_;
};

SurfaceMesh read_multiblock(const std::string& path) {
  const InputFile file(path, "VTM");
  VtkMessages messages;
  const auto root = vtkSmartPointer<vtkXMLDataElement>::Take(vtkXMLUtilities::ReadElementFromFile(path.c_str()));
  vtkXMLDataElement* tree = root ? root->FindNestedElementWithName("vtkMultiBlockDataSet") : nullptr;
  if (!tree)
    file.fail(messages.errors().empty() ? std::string("is no complete multi-block file") : messages.errors().front(),
              "the file is truncated or damaged; export or copy it again");
  SurfaceMesh mesh;
  BlockReader(file, mesh).read(tree, "");
  if (mesh.face_count() == 0) file.fail("names no block with a surface", "export the surfaces of the body");
  return mesh;
}

bool is_multiblock(std::string_view head, std::size_t) {
  const std::size_t tag = head.find("<VTKFile");
  return tag != head.npos && head.substr(tag, head.find('>', tag) - tag).find("vtkMultiBlockDataSet") != head.npos;
}

}  // namespace

FormatEntry vtk_multiblock_format() {
  return {{"VTM", {".vtm"}, true, false, false, false}, is_multiblock, true, read_multiblock, nullptr};
}

}  // namespace streamtube::mesh_io
