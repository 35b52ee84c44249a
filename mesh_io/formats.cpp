#include "mesh_io/formats.hpp"

#include <cmath>
#include <filesystem>

#include "core/error.hpp"
#include "core/log.hpp"
#include "mesh_io/input_file.hpp"

namespace streamtube::mesh_io {
using core::Error;
using core::ErrorKind;
using core::str;

namespace {

const std::vector<FormatEntry>& entries() {
  static const std::vector<FormatEntry> all{stl_format(),
                                            obj_format(),
                                            ply_format(),
                                            vtp_format(),
                                            vtu_format(),
                                            vtk_legacy_format(),
                                            vtk_image_format(),
                                            vtk_rectilinear_format(),
                                            vtk_structured_format(),
                                            vtk_multiblock_format(),
                                            vtk_parallel_surface_format(),
                                            vtk_parallel_volume_format(),
                                            vtkhdf_format(),
                                            nastran_format(),
                                            step_format(),
                                            iges_format()};
  return all;
}

// Files people hand over by mistake; naming what they are helps more than "unknown".
std::string foreign_content(std::string_view head) {
  const struct {
    std::string_view mark;
    const char* name;
  } known[] = {{"\x1f\x8b", "a gzip archive"},
               {"PK\x03\x04", "a zip archive"},
               {"glTF", "a binary glTF file"},
               {"CDF", "a netCDF file"},
               {"FoamFile", "an OpenFOAM file"},
               {"$MeshFormat", "a Gmsh file"},
               {"%PDF", "a PDF"},
               {"\x89PNG", "a PNG picture"},
               {"<!DOCTYPE html", "a web page"},
               {"<html", "a web page"},
               {"version https://git-lfs", "a Git LFS pointer, not the file itself"}};
  for (const auto& k : known)
    if (head.substr(0, k.mark.size()) == k.mark) return k.name;
  return {};
}

std::string readable_extensions(bool volume) {
  std::string list;
  for (const FormatEntry& e : entries())
    if (volume ? e.format.reads_volume : e.format.reads_surface)
      for (const std::string& extension : e.format.extensions) list += (list.empty() ? "" : " ") + extension;
  return list;
}

const FormatEntry& choose(const std::string& path, bool volume) {
  const FileHead found = read_head(path, 4096);
  const std::string& head = found.bytes;
  const std::size_t size = found.size;
  std::filesystem::path name = path;
  if (lower(name.extension().string()) == ".gz") name = name.stem();
  const std::string extension = lower(name.extension().string());
  const FormatEntry *by_extension = nullptr, *by_content = nullptr;
  for (const FormatEntry& e : entries()) {
    for (const std::string& x : e.format.extensions)
      if (x == extension) by_extension = &e;
    if (!by_content && e.recognises && e.recognises(head, size)) by_content = &e;
  }
  if (by_extension && by_content && by_extension != by_content)
    throw Error(ErrorKind::input,
                str("'", path, "': the extension '", extension, "' says ", by_extension->format.name,
                    ", but the content is ", by_content->format.name),
                str("rename it to end in ", by_content->format.extensions.front(), ", or pick the right file"));
  const FormatEntry* chosen = by_content ? by_content : by_extension;
  if (found.packed && chosen && !chosen->packed)
    throw Error(ErrorKind::input, str("'", path, "' (", chosen->format.name, "): is a gzip archive"),
                "unpack it first (gunzip)");
  const std::string foreign = by_content ? "" : foreign_content(head);
  if (!foreign.empty())
    throw Error(ErrorKind::input,
                by_extension ? str("'", path, "': the extension '", extension, "' says ", by_extension->format.name,
                                   ", but the content is ", foreign)
                             : str("'", path, "': is ", foreign, ", which cannot be read"),
                str("give one of ", readable_extensions(volume)));
  if (by_extension && !by_content && by_extension->mark_required)
    throw Error(ErrorKind::input,
                str("'", path, "': the extension '", extension, "' says ", by_extension->format.name,
                    ", but the content does not begin like one: ", quoted(std::string_view(head).substr(0, 24))),
                "the file is damaged or has the wrong extension");
  if (!chosen)
    throw Error(ErrorKind::input,
                str("'", path, "': unknown format: neither the extension '", extension, "' nor the content is known"),
                str("give one of ", readable_extensions(volume)));
  if (!(volume ? chosen->read_volume != nullptr : chosen->format.reads_surface))
    throw Error(ErrorKind::input,
                str("'", path, "' (", chosen->format.name, "): holds no ", volume ? "volume" : "surface", " mesh"),
                str("give one of ", readable_extensions(volume)));
  return *chosen;
}

void check_unit(double file_unit) {
  if (!(std::isfinite(file_unit) && file_unit > 0))
    throw Error(ErrorKind::usage, str("the file's unit is ", file_unit, " m: it must be a positive number"));
}

template <class Mesh>
Mesh finish(Mesh mesh, double file_unit) {
  apply_unit(mesh.points, file_unit);
  mesh.file_unit = file_unit;
  return mesh;
}

}  // namespace

std::string name_of_mesh(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).filename();
  if (lower(name.extension().string()) == ".gz") name = name.stem();
  return name.stem().string();
}

bool names_surface(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).filename();
  const bool packed = lower(name.extension().string()) == ".gz";
  if (packed) name = name.stem();
  const std::string extension = lower(name.extension().string());
  for (const FormatEntry& e : entries())
    if (e.format.reads_surface && (!packed || e.packed))
      for (const std::string& x : e.format.extensions)
        if (x == extension) return true;
  return false;
}

const std::vector<Format>& formats() {
  static const std::vector<Format> list = [] {
    std::vector<Format> out;
    for (const FormatEntry& e : entries()) out.push_back(e.format);
    return out;
  }();
  return list;
}

geometry::SurfaceMesh read_surface(const std::string& path, double file_unit, const CadOptions& options,
                                   ReadReport* report) {
  check_unit(file_unit);
  if (!(std::isfinite(options.deviation) && options.deviation >= 0))
    throw Error(ErrorKind::usage, str("the deviation is ", options.deviation, " m: it must be a positive number"));
  ReadReport found;
  const FormatEntry& format = choose(path, false);
  geometry::SurfaceMesh mesh = format.read_cad ? format.read_cad(path, options, found)
                                               : finish(format.read_surface(path, found.warnings), file_unit);
  if (report)
    *report = std::move(found);
  else
    for (const std::string& warning : found.warnings) core::warn(str("'", path, "': ", warning));
  mesh.check(str("'", path, "'"));
  return mesh;
}

geometry::VolumeMesh read_volume(const std::string& path, double file_unit) {
  check_unit(file_unit);
  return finish(choose(path, true).read_volume(path), file_unit);
}

}  // namespace streamtube::mesh_io
