#include "mesh_io/openfoam.hpp"

#include <vtkCellData.h>
#include <vtkCompositeDataSet.h>
#include <vtkDummyController.h>
#include <vtkInformation.h>
#include <vtkMultiBlockDataSet.h>
#include <vtkNew.h>
#include <vtkPOpenFOAMReader.h>
#include <vtkPolyData.h>
#include <vtkUnstructuredGrid.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/error.hpp"
#include "mesh_io/foam_collated.hpp"
#include "mesh_io/input_file.hpp"
#include "mesh_io/join_parts.hpp"
#include "mesh_io/vtk_tools.hpp"

namespace streamtube::mesh_io {

using core::bad_input;
using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Attribute;
using geometry::VolumeMesh;
namespace fs = std::filesystem;

namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

// Names of the folders in `folder` that are numbers, rising; without 0.
std::vector<std::string> time_names(const fs::path& folder) {
  std::vector<std::pair<double, std::string>> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    double time = 0;
    if (entry.is_directory(ignored) && name.find_first_not_of("0123456789.eE+-") == std::string::npos &&
        parse_number(name, time) && time > 0)
      found.emplace_back(time, name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  for (auto& [time, name] : found) names.push_back(std::move(name));
  return names;
}

bool has_file(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  return fs::is_regular_file(folder / name, ignored) || fs::is_regular_file(folder / (name + ".gz"), ignored);
}

// Where system/ and, of decomposed cases, processor0 are.
fs::path root(const FoamCase& c) { return c.parts ? c.parts->path() : fs::path(c.path); }

fs::path first_mesh(const FoamCase& c) { return fs::path(c.first_folder()) / "constant" / "polyMesh"; }

std::vector<FoamPatch> read_patches(const fs::path& mesh) {
  const FoamDictionary boundary = FoamDictionary::read((mesh / "boundary").string());
  std::vector<FoamPatch> patches;
  for (const std::string& name : boundary.children("")) {
    const std::string* type = boundary.find(name + "/type");
    if (name == "FoamFile" || !type || *type == "processor" || *type == "processorCyclic") continue;
    FoamPatch patch{name, *type, {}};
    // "List<word> 1 ( a )" or "1(a)"
    std::string groups;
    for (const std::string& word : boundary.words(name + "/inGroups")) groups += word + ' ';
    const std::size_t open = groups.find('(');
    groups.erase(0, open == std::string::npos ? 0 : open + 1);
    for (char& ch : groups)
      if (ch == ')') ch = ' ';
    std::istringstream words(groups);
    for (std::string word; words >> word;)
      if (word.rfind("List<", 0) != 0) patch.groups.push_back(word);
    patches.push_back(std::move(patch));
  }
  if (patches.empty()) bad_input(str("'", (mesh / "boundary").string(), "': names no patches"), "the mesh is damaged");
  return patches;
}

// The header of a file of OpenFOAM and its dimensions, from its first bytes. False for other files.
bool read_header(const fs::path& path, FoamField& field, std::string* arch = nullptr) {
  std::string head;
  try {
    std::error_code ignored;
    const bool packed = !fs::exists(path, ignored) && fs::exists(path.string() + ".gz", ignored);
    head = read_head(packed ? path.string() + ".gz" : path.string(), 4096).bytes;
  } catch (const Error&) {
    return false;  // empty, or not to be read: no file of OpenFOAM's
  }
  const auto value = [&](const char* key) {
    for (std::size_t at = head.find(key); at != std::string::npos; at = head.find(key, at + 1)) {
      if (at > 0 && static_cast<unsigned char>(head[at - 1]) > ' ' && head[at - 1] != '{') continue;
      const std::size_t begin = head.find_first_not_of(" \t", at + std::string(key).size());
      const std::size_t end = head.find(';', at);
      // `class volScalarField;`, `arch "LSB;label=32;scalar=64";`
      if (begin == std::string::npos || end == std::string::npos || begin == at + std::string(key).size()) continue;
      if (head[begin] == '"') return head.substr(begin + 1, head.find('"', begin + 1) - begin - 1);
      return head.substr(begin, end - begin);
    }
    return std::string();
  };
  if (head.find("FoamFile") == std::string::npos) return false;
  // Of a collated file the header of its content is wanted.
  if (value("class") == "decomposedBlockData") {
    const std::size_t second = head.find("FoamFile", head.find("FoamFile") + 8);
    if (second == std::string::npos) return false;
    head.erase(0, second);
  }
  field.name = path.extension() == ".gz" ? path.stem().string() : path.filename().string();
  field.type = value("class"), field.dimensions = value("dimensions");
  if (arch) *arch = value("arch");
  return !field.type.empty();
}

void check_time(const FoamCase& c, const std::string& time) {
  if (std::find(c.times.begin(), c.times.end(), time) == c.times.end())
    bad_input(str("'", c.path, "' (OpenFOAM case): there is no time ", time), "there are: " + listed(c.times));
}

// Puts what VTK's reader and read_patches() look for first in the place of the parts; time by time more follows.
void take_apart(FoamCase& c, CollatedCase collated) {
  c.processors = collated.processors();
  c.collated = std::make_shared<const CollatedCase>(std::move(collated));
  c.parts = std::make_shared<const ScratchFolder>();
  fs::create_directory(root(c) / "system");
  fs::copy_file(fs::path(c.path) / "system" / "controlDict", root(c) / "system" / "controlDict");
  c.collated->split("constant/polyMesh/boundary", root(c));
}

// Each processor knows how many there were.
void check_neighbours(const FoamCase& c) {
  const FoamDictionary boundary = FoamDictionary::read((first_mesh(c) / "boundary").string());
  for (const std::string& name : boundary.children(""))
    if (const auto other = boundary.number(name + "/neighbProcNo");
        other && *other >= static_cast<double>(c.processors))
      bad_input(str("'", c.path, "' (OpenFOAM case): processor", *other, " is missing: there are ", c.processors,
                    " processor folders"),
                "copy the case again, or reconstruct it (reconstructPar)");
}

// The blocks of the reader's output by name.
void collect(vtkMultiBlockDataSet* blocks, std::map<std::string, std::vector<vtkDataSet*>>& found) {
  for (unsigned i = 0; i < blocks->GetNumberOfBlocks(); ++i) {
    vtkDataObject* block = blocks->GetBlock(i);
    if (auto* inner = vtkMultiBlockDataSet::SafeDownCast(block)) {
      collect(inner, found);
    } else if (auto* data = vtkDataSet::SafeDownCast(block)) {
      const char* name = blocks->HasMetaData(i) ? blocks->GetMetaData(i)->Get(vtkCompositeDataSet::NAME()) : nullptr;
      if (data->GetNumberOfCells() > 0) found[name ? name : ""].push_back(data);
    }
  }
}

}  // namespace

std::string FoamCase::first_folder() const { return decomposed ? (root(*this) / "processor0").string() : path; }

bool is_foam_case(const std::string& path) { return has_file(fs::path(foam_folder(path)) / "system", "controlDict"); }

std::string foam_folder(const std::string& path) {
  const fs::path file(path);
  const std::string extension = lower(file.extension().string());
  std::error_code ignored;
  if ((extension != ".foam" && extension != ".openfoam") || fs::is_directory(file, ignored)) return path;
  return file.has_parent_path() ? file.parent_path().string() : ".";
}

FoamCase find_foam_case(const std::string& given) {
  const std::string path = foam_folder(given);
  const std::string where = str("'", path, "' (OpenFOAM case): ");
  if (!is_foam_case(path)) bad_input(where + "there is no system/controlDict", "give the folder of the case");
  FoamCase c;
  c.path = path;
  std::error_code ignored;
  while (fs::is_directory(fs::path(path) / str("processor", c.processors), ignored)) ++c.processors;
  const auto complete = [](const fs::path& folder) {
    const fs::path mesh = folder / "constant" / "polyMesh";
    return has_file(mesh, "points") && has_file(mesh, "faces") && has_file(mesh, "owner") && has_file(mesh, "boundary");
  };
  const bool whole = complete(path);
  if (whole) c.times = time_names(path);
  std::optional<CollatedCase> collated;
  if (c.times.empty() && c.processors == 0) collated = CollatedCase::find(path);
  std::vector<fs::path> folders;
  for (std::size_t i = 0; i < c.processors; ++i) folders.push_back(fs::path(path) / str("processor", i));
  if (collated) folders = collated->folders();
  if (c.times.empty() && !folders.empty()) {
    c.decomposed = true;
    for (const fs::path& folder : folders) {
      if (!complete(folder))
        bad_input(str(where, folder.filename().string(), "/constant/polyMesh is not complete"), "copy the case again");
      const std::vector<std::string> mine = time_names(folder);
      if (folder == folders[0])
        c.times = mine;
      else
        std::erase_if(c.times,
                      [&](const std::string& t) { return std::find(mine.begin(), mine.end(), t) == mine.end(); });
    }
    if (collated) take_apart(c, std::move(*collated));
    check_neighbours(c);
  } else if (!whole) {
    bad_input(where + "constant/polyMesh is not complete (points, faces, owner, boundary)",
              "mesh the case first, or copy it again");
  }
  if (c.times.empty())
    bad_input(str(where, "there is no time beside 0", c.decomposed ? " that all processors have" : ""),
              "the run has not written anything yet");
  c.patches = read_patches(first_mesh(c));
  return c;
}

std::vector<FoamField> foam_fields(const FoamCase& c, const std::string& time) {
  check_time(c, time);
  const fs::path folder = (c.collated ? c.collated->folders()[0] : fs::path(c.first_folder())) / time;
  std::vector<FoamField> fields;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    FoamField field;
    if (entry.is_regular_file(ignored) && read_header(entry.path(), field)) fields.push_back(field);
  }
  std::sort(fields.begin(), fields.end(), [](const FoamField& a, const FoamField& b) { return a.name < b.name; });
  return fields;
}

FoamFields read_foam(const FoamCase& c, const FoamSelection& selection) {
  FoamFields out;
  out.time = selection.time.empty() ? c.times.back() : selection.time;
  const std::string where = str("'", c.path, "' (OpenFOAM case), time ", out.time, ": ");
  const std::vector<FoamField> there = foam_fields(c, out.time);
  std::vector<std::string> names;
  for (const FoamField& f : there)
    if (f.type == "volScalarField" || f.type == "volVectorField") names.push_back(f.name);
  for (const std::string& name : selection.fields)
    if (std::find(names.begin(), names.end(), name) == names.end())
      bad_input(str(where, "there is no field '", name, "'"), "there are: " + listed(names));
  std::vector<std::string> patches = selection.patches, known;
  for (const FoamPatch& p : c.patches) known.push_back(p.name);
  for (const std::string& name : patches)
    if (std::find(known.begin(), known.end(), name) == known.end())
      bad_input(str(where, "there is no patch '", name, "'"), "there are: " + listed(known));
  if (patches.empty()) patches = known;

  if (c.collated) {
    for (const char* file : {"points", "faces", "owner", "neighbour"})
      c.collated->split(str("constant/polyMesh/", file), root(c));
    for (const std::string& name : selection.fields.empty() ? names : selection.fields)
      c.collated->split(out.time + "/" + name, root(c));
  }
  try {
    VtkMessages messages;
    vtkNew<vtkPOpenFOAMReader> reader;
    vtkNew<vtkDummyController> alone;  // without any the reader of processor folders crashes
    reader->SetController(alone);
    reader->SetFileName((root(c) / "system" / "controlDict").c_str());
    reader->SetCaseType(c.decomposed ? vtkPOpenFOAMReader::DECOMPOSED_CASE : vtkPOpenFOAMReader::RECONSTRUCTED_CASE);
    reader->SetListTimeStepsByControlDict(false);
    reader->SetSkipZeroTime(true);
    reader->SetCreateCellToPoint(false);
    reader->SetDecomposePolyhedra(false);
    reader->SetCacheMesh(false);
    reader->SetReadZones(false);
    FoamField header;
    std::string arch;
    read_header(first_mesh(c) / "owner", header, &arch);
    reader->SetUse64BitLabels(arch.find("label=64") != std::string::npos);
    reader->SetUse64BitFloats(arch.find("scalar=32") == std::string::npos);
    reader->UpdateInformation();
    for (const std::string& name : names)
      reader->SetCellArrayStatus(
          name.c_str(), std::find(selection.fields.begin(), selection.fields.end(), name) != selection.fields.end() ||
                            selection.fields.empty());
    for (const FoamField& f : there)
      if (f.type != "volScalarField" && f.type != "volVectorField") reader->SetCellArrayStatus(f.name.c_str(), 0);
    for (int i = 0; i < reader->GetNumberOfPatchArrays(); ++i) {
      const std::string name = reader->GetPatchArrayName(i);
      const std::string last = name.substr(name.rfind('/') + 1);
      const bool group = name.rfind("group/", 0) == 0;
      const bool wanted = name == "internalMesh"
                              ? selection.volume
                              : !group && std::find(patches.begin(), patches.end(), last) != patches.end();
      reader->SetPatchArrayStatus(name.c_str(), wanted);
    }
    double time = 0;
    parse_number(out.time, time);
    reader->UpdateTimeStep(time);
    if (!messages.errors().empty()) bad_input(where + messages.errors().front(), "the case is damaged; copy it again");
    if (!messages.warnings().empty())
      bad_input(where + messages.warnings().front(), "the case is damaged; copy it again");
    std::map<std::string, std::vector<vtkDataSet*>> found;
    collect(reader->GetOutput(), found);
    if (selection.volume) {
      for (vtkDataSet* data : found["internalMesh"]) {
        VolumeMesh part = volume_from_vtk(data, where);
        check_polyhedra(part, where);
        if (out.volume.cell_count() == 0 && found["internalMesh"].size() == 1)
          out.volume = std::move(part);
        else
          append_part(out.volume, part, where);
      }
      if (out.volume.cell_count() == 0)
        bad_input(where + "its mesh has no cells", "the case is damaged; copy it again");
      if (c.decomposed) merge_points(out.volume);
    }
    for (const std::string& name : patches)
      for (vtkDataSet* data : found[name]) {
        Notes none;  // patches are of polygons alone
        append_part(out.surface, surface_from_vtk(data, where, name, none), where + "patch '" + name + "': ");
      }
    if (c.decomposed) merge_points(out.surface);
    const auto check = [&](const std::vector<Attribute>& attributes, const char* of) {
      for (const std::string& name : selection.fields)
        if (std::none_of(attributes.begin(), attributes.end(), [&](const Attribute& a) { return a.name == name; }))
          bad_input(str(where, "the field '", name, "' could not be read on its ", of),
                    "the file is damaged; copy it again");
    };
    if (selection.volume) check(out.volume.attributes, "cells");
    if (out.surface.face_count() > 0) check(out.surface.attributes, "patches");
  } catch (const std::bad_alloc&) {
    bad_input(where + "not enough memory for the sizes it gives", "the case is damaged; copy it again");
  }
  return out;
}

}  // namespace streamtube::mesh_io
