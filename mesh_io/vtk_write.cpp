// VTP and VTU through VTK's writers, without copies of the arrays where the layout allows.

#include <vtkCellArray.h>
#include <vtkCellData.h>
#include <vtkDoubleArray.h>
#include <vtkErrorCode.h>
#include <vtkFieldData.h>
#include <vtkFloatArray.h>
#include <vtkIdTypeArray.h>
#include <vtkIntArray.h>
#include <vtkNew.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkStringArray.h>
#include <vtkTypeInt64Array.h>
#include <vtkUnsignedCharArray.h>
#include <vtkUnstructuredGrid.h>
#include <vtkXMLPolyDataWriter.h>
#include <vtkXMLUnstructuredGridWriter.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/error.hpp"
#include "core/files.hpp"
#include "core/markup.hpp"
#include "mesh_io/mesh_io.hpp"
#include "mesh_io/series.hpp"
#include "mesh_io/vtk_tools.hpp"

namespace streamtube::mesh_io {
using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Association;
using geometry::Attribute;
using geometry::SurfaceMesh;
using geometry::VolumeMesh;

namespace {

// VTK wants plain pointers; the writers only read.
template <class Array, class T>
void borrow(Array* array, const std::vector<T>& values, int components = 1) {
  array->SetNumberOfComponents(components);
  array->SetArray(reinterpret_cast<typename Array::ValueType*>(const_cast<T*>(values.data())),
                  static_cast<vtkIdType>(values.size() * sizeof(T) / sizeof(typename Array::ValueType)), 1);
}

// Double, so that bodies far from the origin and fine walls keep their shape.
void set_points(vtkPointSet* to, const std::vector<Vec3>& points, double file_unit) {
  vtkNew<vtkDoubleArray> array;
  if (file_unit == 1.0) {
    borrow(array.Get(), points, 3);
  } else {
    array->SetNumberOfComponents(3);
    array->SetNumberOfTuples(static_cast<vtkIdType>(points.size()));
    double* x = array->GetPointer(0);
    for (const Vec3& p : points)
      for (const double v : p) *x++ = v / file_unit;
  }
  vtkNew<vtkPoints> holder;
  holder->SetData(array);
  to->SetPoints(holder);
}

void set_cells(vtkCellArray* to, const std::vector<std::int64_t>& offsets, const std::vector<std::int64_t>& corners) {
  vtkNew<vtkTypeInt64Array> offset_array, corner_array;
  borrow(offset_array.Get(), offsets);
  borrow(corner_array.Get(), corners);
  to->SetData(offset_array, corner_array);
}

void add_text(vtkDataSet* to, const std::string& name, const std::vector<std::string>& values) {
  vtkNew<vtkStringArray> array;
  array->SetName(name.c_str());
  for (const std::string& value : values) array->InsertNextValue(value);
  to->GetFieldData()->AddArray(array);
}

// expat >= 2.6, and 2.5 with Debian's security fixes, holds back an unfinished tag until it has doubled in length. VTK
// without its later fix, so ParaView 5.11 of Debian 12, hands over "<AppendedData" and its attributes separately and
// then reads the data as XML. It opens such a file only if this tag has no attributes, which means base64.
void drop_encoding_attribute(const std::string& path) {
  constexpr std::string_view kWith = "<AppendedData encoding=\"base64\">";
  constexpr std::string_view kWithout = "<AppendedData>                  ";
  static_assert(kWith.size() == kWithout.size());
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string line;
  for (std::streamoff start = 0; std::getline(file, line); start += static_cast<std::streamoff>(line.size()) + 1) {
    const std::size_t at = line.find(kWith);
    if (at == line.npos) continue;
    file.seekp(start + static_cast<std::streamoff>(at));
    file.write(kWithout.data(), kWithout.size());
    break;
  }
  file.close();
  if (!file) throw Error(ErrorKind::runtime, str("'", path, "': cannot write"));
}

template <class Writer>
void write(const std::string& path, vtkDataSet* data) {
  core::write_atomically(path, [&](const std::string& temporary) {
    VtkMessages messages;
    vtkNew<Writer> writer;
    writer->SetFileName(temporary.c_str());
    writer->SetInputData(data);
    writer->SetDataModeToAppended();
    writer->EncodeAppendedDataOn();
    writer->SetHeaderTypeToUInt64();
    // Writes as fast as without, at half the size; zlib takes ten times as long for a third less (148k cells: 0.05,
    // 0.43 s).
    writer->SetCompressorTypeToLZ4();
    writer->SetBlockSize(1 << 20);
    errno = 0;
    const int written = writer->Write();
    const int reason = errno;
    const unsigned long code = writer->GetErrorCode();
    if (written && code == vtkErrorCode::NoError && messages.errors().empty()) {
      drop_encoding_attribute(temporary);
      return;
    }
    // VTK keeps the system's reason to itself.
    std::error_code ignored;
    const std::string folder = std::filesystem::path(temporary).parent_path().string();
    const auto space = std::filesystem::space(folder.empty() ? "." : folder, ignored);
    const std::uintmax_t needed = 1024 * static_cast<std::uintmax_t>(data->GetActualMemorySize());
    const bool full = code == vtkErrorCode::OutOfDiskSpaceError || reason == ENOSPC || reason == EDQUOT ||
                      (!ignored && space.available < needed);
    const std::string detail = full              ? "No space left on device"
                               : reason == EFBIG ? std::strerror(reason)
                               : !messages.errors().empty() && code == vtkErrorCode::NoError
                                   ? messages.errors().front()
                                   : vtkErrorCode::GetStringFromErrorCode(code);
    throw Error(
        ErrorKind::runtime, str("'", path, "': cannot write: ", detail),
        full ? str("about ", core::size_text(needed), " are needed; free some space or choose another folder") : "");
  });
}

}  // namespace

void volume_to_vtk(const VolumeMesh& mesh, double file_unit, const std::string& where, vtkUnstructuredGrid* data) {
  const std::size_t cells = mesh.cell_count();
  if (mesh.types.size() != cells || mesh.offsets.empty() ||
      mesh.offsets.back() != static_cast<std::int64_t>(mesh.corners.size()))
    throw Error(ErrorKind::internal, str(where, "the volume mesh has ", mesh.types.size(), " types for ", cells,
                                         " cells, or corners that do not fit its offsets"));
  set_points(data, mesh.points, file_unit);
  vtkNew<vtkCellArray> connectivity;
  set_cells(connectivity, mesh.offsets, mesh.corners);
  vtkNew<vtkUnsignedCharArray> types;
  borrow(types.Get(), mesh.types);
  if (mesh.face_offsets.empty()) {
    data->SetCells(types, connectivity);
  } else {
    check_polyhedra(mesh, where);
    vtkNew<vtkIdTypeArray> face_offsets, faces;
    borrow(face_offsets.Get(), mesh.face_offsets);
    borrow(faces.Get(), mesh.faces);
    data->SetCells(types, connectivity, face_offsets, faces);
  }
}

void add_attributes(vtkDataSet* to, const std::vector<Attribute>& attributes) {
  for (const Attribute& a : attributes) {
    const bool on_points = a.association == Association::points;
    const std::size_t rows = static_cast<std::size_t>(on_points ? to->GetNumberOfPoints() : to->GetNumberOfCells());
    if (a.components < 1 || a.values.size() != rows * static_cast<std::size_t>(a.components))
      throw Error(ErrorKind::internal, str("field '", a.name, "' has ", a.values.size(), " values for ", rows,
                                           on_points ? " points of " : " cells of ", a.components, " components"));
    vtkNew<vtkFloatArray> array;
    array->SetName(a.name.c_str());
    borrow(array.Get(), a.values, a.components);
    vtkDataSetAttributes* data = on_points ? static_cast<vtkDataSetAttributes*>(to->GetPointData()) : to->GetCellData();
    data->AddArray(array);
    if (a.components == 1 && !data->GetScalars()) data->SetActiveScalars(a.name.c_str());
    if (a.components == 3 && !data->GetVectors()) data->SetActiveVectors(a.name.c_str());
  }
}

namespace {

// As field data. A note on an array is not called like it: readers (PyVista) look names up in all data at once.
void add_notes(vtkDataSet* data, const Metadata& metadata) {
  for (const auto& [name, value] : metadata) {
    const bool taken = data->GetPointData()->HasArray(name.c_str()) || data->GetCellData()->HasArray(name.c_str());
    add_text(data, taken ? "about_" + name : name, {value});
  }
}

}  // namespace

void write_vtp(const std::string& path, const SurfaceMesh& mesh, const Metadata& metadata) {
  mesh.check(str("'", path, "' (to be written)"));
  vtkNew<vtkPolyData> data;
  set_points(data, mesh.points, mesh.file_unit);
  vtkNew<vtkCellArray> polygons;
  set_cells(polygons, mesh.offsets, mesh.corners);
  data->SetPolys(polygons);
  add_attributes(data, mesh.attributes);
  if (mesh.patch.size() == mesh.face_count() && !mesh.patch_names.empty()) {
    vtkNew<vtkIntArray> patch;
    patch->SetName(kPatchArray);
    borrow(patch.Get(), mesh.patch);
    data->GetCellData()->AddArray(patch);
    add_text(data, kPatchNames, mesh.patch_names);
  }
  add_notes(data, metadata);
  write<vtkXMLPolyDataWriter>(path, data);
}

void write_vtu(const std::string& path, const VolumeMesh& mesh, const Metadata& metadata) {
  vtkNew<vtkUnstructuredGrid> data;
  volume_to_vtk(mesh, mesh.file_unit, str("'", path, "' (to be written): "), data);
  add_attributes(data, mesh.attributes);
  add_notes(data, metadata);
  write<vtkXMLUnstructuredGridWriter>(path, data);
}

void write_series(const std::string& path, const std::vector<SeriesEntry>& entries) {
  std::string text =
      "<?xml version=\"1.0\"?>\n<VTKFile type=\"Collection\" version=\"0.1\" byte_order=\"LittleEndian\">\n"
      "  <Collection>\n";
  for (std::size_t i = 0, part = 0; i < entries.size(); ++i, ++part) {
    if (i > 0 && entries[i].time != entries[i - 1].time) part = 0;
    text += str("    <DataSet timestep=\"", entries[i].time, "\" part=\"", part, "\" name=\"",
                core::markup_escaped(entries[i].name), "\" file=\"", core::markup_escaped(entries[i].file), "\"/>\n");
  }
  core::write_text(path, text + "  </Collection>\n</VTKFile>\n");
}

void write_pvd(const std::string& path, const std::vector<PvdEntry>& entries) {
  std::vector<SeriesEntry> together;
  for (const auto& entry : entries) together.push_back({entry.name, entry.file, 0});
  write_series(path, together);
}

}  // namespace streamtube::mesh_io
