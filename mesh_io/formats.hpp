#pragma once
// Private to mesh_io: one entry a format. A new format is one .cpp with a function returning its entry, listed in
// formats.cpp.

#include <cstddef>
#include <string>
#include <string_view>

#include "mesh_io/input_file.hpp"
#include "mesh_io/mesh_io.hpp"

namespace streamtube::mesh_io {

struct FormatEntry {
  Format format;
  // Whether the content is unmistakably this format, from its first bytes and the file's size. Null: it has no mark.
  bool (*recognises)(std::string_view head, std::size_t size) = nullptr;
  // Content that lacks the mark is refused before reading; formats whose reader explains it better leave this off.
  bool mark_required = false;
  // Points in the file's unit.
  geometry::SurfaceMesh (*read_surface)(const std::string& path, Notes& notes) = nullptr;
  geometry::VolumeMesh (*read_volume)(const std::string& path) = nullptr;
  // In the place of read_surface where the file states its own unit: points in metres.
  geometry::SurfaceMesh (*read_cad)(const std::string& path, const CadOptions& options, ReadReport& report) = nullptr;
  bool packed = false;  // read from gzip archives (.stl.gz) too
};

FormatEntry stl_format();
FormatEntry obj_format();
FormatEntry ply_format();
FormatEntry vtp_format();
FormatEntry vtu_format();
FormatEntry vtk_image_format();
FormatEntry vtk_rectilinear_format();
FormatEntry vtk_structured_format();
FormatEntry vtk_legacy_format();
FormatEntry vtk_multiblock_format();
FormatEntry vtk_parallel_surface_format();
FormatEntry vtk_parallel_volume_format();
FormatEntry vtkhdf_format();
FormatEntry nastran_format();
FormatEntry step_format();
FormatEntry iges_format();

}  // namespace streamtube::mesh_io
