#include "mesh_io/vtk_tools.hpp"

#include <vtkAbstractArray.h>
#include <vtkCell.h>
#include <vtkCellArray.h>
#include <vtkCellData.h>
#include <vtkCellType.h>
#include <vtkCellTypes.h>
#include <vtkDataArray.h>
#include <vtkDataSet.h>
#include <vtkDataSetAttributes.h>
#include <vtkFieldData.h>
#include <vtkFloatArray.h>
#include <vtkIdList.h>
#include <vtkIdTypeArray.h>
#include <vtkLogger.h>
#include <vtkNew.h>
#include <vtkObjectFactory.h>
#include <vtkOutputWindow.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkStringArray.h>
#include <vtkUnsignedCharArray.h>
#include <vtkUnstructuredGrid.h>
#include <vtkXMLDataElement.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "geometry/parts.hpp"

namespace streamtube::mesh_io {
using core::Error;
using core::ErrorKind;
using core::str;
using geometry::Association;
using geometry::Attribute;
using geometry::SurfaceMesh;
using geometry::VolumeMesh;

// ---------------------------------------------------------------- messages

namespace {

thread_local VtkMessages* current_messages = nullptr;

// Readers nest helpers of their own, whose errors an observer on the outer reader never sees; all of them end here.
class MessageWindow : public vtkOutputWindow {
 public:
  vtkTypeMacro(MessageWindow, vtkOutputWindow);
  static MessageWindow* New();
  void DisplayErrorText(const char* text) override {
    current_messages ? current_messages->add(true, text) : vtkOutputWindow::DisplayErrorText(text);
  }
  void DisplayWarningText(const char* text) override {
    current_messages ? current_messages->add(false, text) : vtkOutputWindow::DisplayWarningText(text);
  }
  void DisplayGenericWarningText(const char* text) override {
    current_messages ? current_messages->add(false, text) : vtkOutputWindow::DisplayGenericWarningText(text);
  }
};
vtkStandardNewMacro(MessageWindow);

// "ERROR: In ./IO/..., line 410\nvtkXMLReader (0x55...): Text\n\n" -> "Text"
std::string clean(std::string text) {
  if (const std::size_t at = text.find("): "); at != std::string::npos && text.compare(0, 3, "vtk") != 0) {
    text.erase(0, at + 3);
  } else if (const std::size_t line = text.find('\n'); line != std::string::npos && text.find(" In ") < line) {
    text.erase(0, line + 1);
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace

VtkMessages::VtkMessages() : outer_(current_messages) {
  static const bool installed = [] {
    vtkNew<MessageWindow> window;
    vtkOutputWindow::SetInstance(window);
    vtkLogger::SetStderrVerbosity(vtkLogger::VERBOSITY_OFF);  // it would print the same once more
    return true;
  }();
  static_cast<void>(installed);
  current_messages = this;
}
VtkMessages::~VtkMessages() { current_messages = outer_; }
void VtkMessages::add(bool error, const char* text) {
  const std::string cleaned = clean(text ? text : "");
  // Ranges that VTK notes beside its arrays, such as inf: nothing is read of them.
  if (cleaned.find("InformationKey element") != std::string::npos) return;
  (error ? errors_ : warnings_).push_back(cleaned);
}

// ---------------------------------------------------------------- from VTK

namespace {

// Numeric arrays, gathered by `indices` (null: all). Ghost marks and `skip` are left out.
void add_attributes(vtkDataSetAttributes* data, Association association, const std::vector<std::int64_t>* indices,
                    const char* skip, std::vector<Attribute>& out) {
  for (int k = 0; k < data->GetNumberOfArrays(); ++k) {
    vtkDataArray* array = data->GetArray(k);  // null for strings
    if (!array) continue;
    const std::string name = array->GetName() && *array->GetName() ? array->GetName() : str("array_", k);
    // That of cells tells which another piece owns: drop_ghosts().
    if ((association == Association::points && name == vtkDataSetAttributes::GhostArrayName()) ||
        (skip && name == skip))
      continue;
    const auto rows = static_cast<std::size_t>(array->GetNumberOfTuples());
    const int n = array->GetNumberOfComponents();
    Attribute attribute{name, association, n, {}};
    const std::size_t wanted = indices ? indices->size() : rows;
    attribute.values.resize(wanted * static_cast<std::size_t>(n));
    const vtkFloatArray* floats = vtkFloatArray::FastDownCast(array);
    const float* raw = floats ? const_cast<vtkFloatArray*>(floats)->GetPointer(0) : nullptr;
    for (std::size_t i = 0; i < wanted; ++i) {
      const std::size_t row = indices ? static_cast<std::size_t>((*indices)[i]) : i;
      if (row >= rows) break;
      float* to = attribute.values.data() + i * static_cast<std::size_t>(n);
      if (raw)
        std::copy_n(raw + row * static_cast<std::size_t>(n), n, to);
      else
        for (int c = 0; c < n; ++c) to[c] = static_cast<float>(array->GetComponent(static_cast<vtkIdType>(row), c));
    }
    out.push_back(std::move(attribute));
  }
}

void check_attribute_lengths(vtkDataSet* data, const std::string& where) {
  const auto check = [&](vtkDataSetAttributes* attributes, vtkIdType expected, const char* of) {
    for (int k = 0; k < attributes->GetNumberOfArrays(); ++k)
      if (vtkAbstractArray* array = attributes->GetAbstractArray(k); array && array->GetNumberOfTuples() != expected)
        throw Error(ErrorKind::input, str(where, "array '", array->GetName() ? array->GetName() : "", "' has ",
                                          array->GetNumberOfTuples(), " values for ", expected, " ", of));
  };
  check(data->GetPointData(), data->GetNumberOfPoints(), "points");
  check(data->GetCellData(), data->GetNumberOfCells(), "cells");
}

std::vector<Vec3> points_from(vtkDataSet* data, const std::string& where) {
  const vtkIdType n = data->GetNumberOfPoints();
  std::vector<Vec3> points(static_cast<std::size_t>(n));
  for (vtkIdType i = 0; i < n; ++i) {
    Vec3& p = points[static_cast<std::size_t>(i)];
    data->GetPoint(i, p.data());
    for (const double x : p)
      if (!std::isfinite(x))
        throw Error(ErrorKind::input, str(where, "point ", i, " (counted from 0) is not finite"),
                    "repair or re-export the mesh");
  }
  return points;
}

void check_cells(vtkCellArray* cells, const char* what, const std::string& where) {
  if (cells && cells->GetNumberOfCells() > 0 && !cells->IsValid())
    throw Error(ErrorKind::input, str(where, "the offsets of its ", what, " do not fit their connectivity"),
                "the file is damaged");
}

std::string type_name(int type) {
  const char* name = vtkCellTypes::GetClassNameFromTypeId(type);
  std::string text = name ? name : "unknown";
  return text.rfind("vtk", 0) == 0 ? text.substr(3) : text;
}

int dimension_of(int type) {
  switch (type) {
    case VTK_EMPTY_CELL:
    case VTK_VERTEX:
    case VTK_POLY_VERTEX:
      return 0;
    case VTK_LINE:
    case VTK_POLY_LINE:
      return 1;
    case VTK_TRIANGLE:
    case VTK_TRIANGLE_STRIP:
    case VTK_POLYGON:
    case VTK_PIXEL:
    case VTK_QUAD:
      return 2;
    case VTK_TETRA:
    case VTK_VOXEL:
    case VTK_HEXAHEDRON:
    case VTK_WEDGE:
    case VTK_PYRAMID:
    case VTK_PENTAGONAL_PRISM:
    case VTK_HEXAGONAL_PRISM:
    case VTK_CONVEX_POINT_SET:
    case VTK_POLYHEDRON:
      return 3;
    default:
      return -1;  // higher order and exotic
  }
}

// Of a flat cell of higher order: its corners come first. 0 for other types.
vtkIdType corners_of_higher_order(int type, vtkIdType points) {
  switch (type) {
    case VTK_QUADRATIC_TRIANGLE:
    case VTK_BIQUADRATIC_TRIANGLE:
    case VTK_HIGHER_ORDER_TRIANGLE:
    case VTK_LAGRANGE_TRIANGLE:
    case VTK_BEZIER_TRIANGLE:
      return 3;
    case VTK_QUADRATIC_QUAD:
    case VTK_BIQUADRATIC_QUAD:
    case VTK_QUADRATIC_LINEAR_QUAD:
    case VTK_HIGHER_ORDER_QUAD:
    case VTK_LAGRANGE_QUADRILATERAL:
    case VTK_BEZIER_QUADRILATERAL:
      return 4;
    case VTK_QUADRATIC_POLYGON:
      return points / 2;
    default:
      return 0;
  }
}

class SurfaceBuilder {
 public:
  SurfaceBuilder(SurfaceMesh& mesh, const std::string& where) : mesh_(mesh), where_(where) { mesh.offsets = {0}; }
  // `cell` is the row of the cell's data.
  void polygon(vtkIdType cell, vtkIdType n, const vtkIdType* ids) {
    if (n < 3) throw Error(ErrorKind::input, str(where_, "cell ", cell, " has ", n, " corners, at least 3 are due"));
    for (vtkIdType k = 0; k < n; ++k) corner(cell, ids[k]);
    close(cell);
  }
  void strip(vtkIdType cell, vtkIdType n, const vtkIdType* ids) {
    for (vtkIdType k = 0; k + 2 < n; ++k) {  // every second triangle of a strip runs the other way
      corner(cell, ids[k]);
      corner(cell, ids[k + 1 + k % 2]);
      corner(cell, ids[k + 2 - k % 2]);
      close(cell);
    }
  }
  std::vector<std::int64_t> cells;  // of each face: the data row

 private:
  void corner(vtkIdType cell, vtkIdType id) {
    if (id < 0 || id >= static_cast<vtkIdType>(mesh_.points.size()))
      throw Error(
          ErrorKind::input,
          str(where_, "cell ", cell, " names point ", id, ", but there are ", mesh_.points.size(), " (counted from 0)"),
          "the file is damaged");
    mesh_.corners.push_back(id);
  }
  void close(vtkIdType cell) {
    mesh_.offsets.push_back(static_cast<std::int64_t>(mesh_.corners.size()));
    cells.push_back(cell);
  }
  SurfaceMesh& mesh_;
  const std::string& where_;
};

void set_patches(SurfaceMesh& mesh, vtkDataSet* data, const std::vector<std::int64_t>& cells,
                 const std::string& default_patch) {
  vtkDataArray* ids = data->GetCellData()->GetArray(kPatchArray);
  mesh.patch.assign(mesh.face_count(), 0);
  mesh.patch_names = {default_patch};
  if (!ids || ids->GetNumberOfComponents() != 1) return;
  auto* names = vtkStringArray::SafeDownCast(data->GetFieldData()->GetAbstractArray(kPatchNames));
  std::map<long long, std::int32_t> index;  // in the order of the ids
  for (const std::int64_t cell : cells) index.emplace(std::llround(ids->GetComponent(cell, 0)), 0);
  if (names) {  // all names keep their number, used or not
    const long long count = names->GetNumberOfValues();
    if (!index.empty() && index.begin()->first >= 0 && index.rbegin()->first < count) {
      mesh.patch_names.clear();
      for (long long k = 0; k < count; ++k) mesh.patch_names.push_back(names->GetValue(k));
      for (std::size_t f = 0; f < cells.size(); ++f)
        mesh.patch[f] = static_cast<std::int32_t>(std::llround(ids->GetComponent(cells[f], 0)));
      return;
    }
  }
  mesh.patch_names.clear();
  for (auto& [id, number] : index) {
    number = static_cast<std::int32_t>(mesh.patch_names.size());
    mesh.patch_names.push_back(str("patch_", id));
  }
  for (std::size_t f = 0; f < cells.size(); ++f) mesh.patch[f] = index[std::llround(ids->GetComponent(cells[f], 0))];
}

}  // namespace

SurfaceMesh surface_from_vtk(vtkDataSet* data, const std::string& where, const std::string& default_patch,
                             std::vector<std::string>& notes) {
  check_attribute_lengths(data, where);
  SurfaceMesh mesh;
  mesh.points = points_from(data, where);
  SurfaceBuilder build(mesh, where);
  vtkIdType left_out = 0;
  std::map<int, vtkIdType> other_types, higher_order;
  if (auto* poly = vtkPolyData::SafeDownCast(data)) {
    check_cells(poly->GetPolys(), "polygons", where);
    check_cells(poly->GetStrips(), "triangle strips", where);
    // Cell data lists vertices, lines, polygons and strips one after the other.
    vtkIdType cell = poly->GetNumberOfVerts() + poly->GetNumberOfLines();
    left_out = cell;
    vtkNew<vtkIdList> ids;
    for (vtkIdType i = 0; i < poly->GetNumberOfPolys(); ++i, ++cell) {
      poly->GetPolys()->GetCellAtId(i, ids);
      build.polygon(cell, ids->GetNumberOfIds(), ids->GetPointer(0));
    }
    for (vtkIdType i = 0; i < poly->GetNumberOfStrips(); ++i, ++cell) {
      poly->GetStrips()->GetCellAtId(i, ids);
      build.strip(cell, ids->GetNumberOfIds(), ids->GetPointer(0));
    }
    if (left_out > 0) other_types[poly->GetNumberOfVerts() > 0 ? VTK_VERTEX : VTK_LINE] = left_out;
  } else {
    if (auto* grid = vtkUnstructuredGrid::SafeDownCast(data)) check_cells(grid->GetCells(), "cells", where);
    vtkNew<vtkIdList> ids;
    for (vtkIdType i = 0; i < data->GetNumberOfCells(); ++i) {
      const int type = data->GetCellType(i);
      if (dimension_of(type) != 2) {
        data->GetCellPoints(i, ids);
        if (const vtkIdType corners = corners_of_higher_order(type, ids->GetNumberOfIds());
            corners >= 3 && corners <= ids->GetNumberOfIds()) {
          build.polygon(i, corners, ids->GetPointer(0));
          ++higher_order[type];
          continue;
        }
        ++left_out;
        ++other_types[type];
        continue;
      }
      data->GetCellPoints(i, ids);
      const vtkIdType n = ids->GetNumberOfIds();
      if (type == VTK_TRIANGLE_STRIP) {
        build.strip(i, n, ids->GetPointer(0));
      } else if (type == VTK_PIXEL && n == 4) {
        const vtkIdType quad[4] = {ids->GetId(0), ids->GetId(1), ids->GetId(3), ids->GetId(2)};
        build.polygon(i, 4, quad);
      } else {
        build.polygon(i, n, ids->GetPointer(0));
      }
    }
  }
  if (mesh.face_count() == 0) {
    std::string held;
    bool volume = false;
    for (const auto& [type, count] : other_types) {
      held += str(held.empty() ? "" : ", ", count, " ", type_name(type));
      volume = volume || dimension_of(type) == 3;
    }
    throw NoSurface(ErrorKind::input,
                    str(where, "holds no polygons",
                        held.empty() ? str(" (", mesh.points.size(), " points, no cells)") : str(", only ", held)),
                    volume ? "this is a volume mesh; give the body's surface (ParaView: Extract Surface)" : "");
  }
  for (const auto& [type, count] : higher_order)
    notes.push_back(str(count, " cells of the kind ", type_name(type),
                        " are read by their corners: the points between them are left out, and curves become flat"));
  for (const auto& [type, count] : other_types) {
    if (dimension_of(type) < 0)
      throw Error(ErrorKind::input,
                  str(where, count, " of its cells are of the kind ", type_name(type),
                      ", which is not known here; the others would be a body with holes"),
                  "export the surface as polygons (ParaView: Extract Surface, Tetrahedralize)");
    notes.push_back(str(count, " cells of the kind ", type_name(type), " are no surface and are left out"));
  }
  if (left_out + static_cast<vtkIdType>(higher_order.size()) > 0) {
    const std::vector<std::int64_t> kept = geometry::drop_unused_points(mesh);
    add_attributes(data->GetPointData(), Association::points, &kept, nullptr, mesh.attributes);
  } else {
    add_attributes(data->GetPointData(), Association::points, nullptr, nullptr, mesh.attributes);
  }
  add_attributes(data->GetCellData(), Association::faces, &build.cells, kPatchArray, mesh.attributes);
  set_patches(mesh, data, build.cells, default_patch);
  return mesh;
}

namespace {

// The type of a cell of polygonal data, and its corners. Not by GetCellType: after one bad polygon it reads from the
// address 0.
int cell_of(vtkPolyData* poly, vtkIdType cell, vtkIdList* ids, const std::string& where) {
  const auto from = [&](vtkCellArray* cells, vtkIdType& at) {
    const vtkIdType count = cells ? cells->GetNumberOfCells() : 0;
    if (at >= count) return at -= count, false;
    cells->GetCellAtId(at, ids);
    return true;
  };
  vtkIdType at = cell;
  if (from(poly->GetVerts(), at)) return ids->GetNumberOfIds() == 1 ? VTK_VERTEX : VTK_POLY_VERTEX;
  if (from(poly->GetLines(), at)) return ids->GetNumberOfIds() == 2 ? VTK_LINE : VTK_POLY_LINE;
  const bool polygon = from(poly->GetPolys(), at);
  if (!polygon) from(poly->GetStrips(), at);
  const vtkIdType n = ids->GetNumberOfIds();
  if (n < 3)
    throw Error(ErrorKind::input, str(where, "cell ", cell, " has ", n, " corners: a polygon has at least 3"),
                "the file is damaged");
  if (!polygon) return VTK_TRIANGLE_STRIP;
  return n == 3 ? VTK_TRIANGLE : n == 4 ? VTK_QUAD : VTK_POLYGON;
}

}  // namespace

VolumeMesh volume_from_vtk(vtkDataSet* data, const std::string& where) {
  check_attribute_lengths(data, where);
  VolumeMesh mesh;
  mesh.points = points_from(data, where);
  const vtkIdType n_cells = data->GetNumberOfCells(), n_points = data->GetNumberOfPoints();
  if (n_cells == 0) throw Error(ErrorKind::input, str(where, "holds no cells (", n_points, " points)"));
  auto* grid = vtkUnstructuredGrid::SafeDownCast(data);
  if (grid) check_cells(grid->GetCells(), "cells", where);
  auto* poly = vtkPolyData::SafeDownCast(data);
  if (poly) {
    check_cells(poly->GetVerts(), "vertices", where), check_cells(poly->GetLines(), "lines", where);
    check_cells(poly->GetPolys(), "polygons", where), check_cells(poly->GetStrips(), "triangle strips", where);
  }
  mesh.offsets.reserve(static_cast<std::size_t>(n_cells) + 1);
  mesh.types.reserve(static_cast<std::size_t>(n_cells));
  mesh.offsets.push_back(0);
  vtkNew<vtkIdList> ids;
  for (vtkIdType i = 0; i < n_cells; ++i) {
    int type = VTK_EMPTY_CELL;
    if (poly) {
      type = cell_of(poly, i, ids, where);
    } else {
      type = data->GetCellType(i);
      if (grid)
        grid->GetCells()->GetCellAtId(i, ids);  // for polyhedra: the points, which GetCellPoints may refuse
      else
        data->GetCellPoints(i, ids);
    }
    const vtkIdType n = ids->GetNumberOfIds();
    if (n == 0) throw Error(ErrorKind::input, str(where, "cell ", i, " (", type_name(type), ") has no points"));
    for (vtkIdType k = 0; k < n; ++k)
      if (const vtkIdType id = ids->GetId(k); id < 0 || id >= n_points)
        throw Error(ErrorKind::input,
                    str(where, "cell ", i, " names point ", id, ", but there are ", n_points, " (counted from 0)"),
                    "the file is damaged");
    const auto add = [&](vtkIdType k) { mesh.corners.push_back(ids->GetId(k)); };
    if ((type == VTK_PIXEL && n == 4) || (type == VTK_VOXEL && n == 8)) {
      for (vtkIdType k = 0; k < n; k += 4) add(k), add(k + 1), add(k + 3), add(k + 2);
      type = type == VTK_PIXEL ? VTK_QUAD : VTK_HEXAHEDRON;
    } else {
      for (vtkIdType k = 0; k < n; ++k) add(k);
    }
    mesh.types.push_back(static_cast<std::uint8_t>(type));
    mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
  }
  if (grid && grid->GetFaces() && grid->GetFaceLocations()) {
    vtkIdTypeArray *faces = grid->GetFaces(), *locations = grid->GetFaceLocations();
    mesh.faces.assign(faces->GetPointer(0), faces->GetPointer(0) + faces->GetNumberOfValues());
    mesh.face_offsets.assign(static_cast<std::size_t>(n_cells), -1);
    for (vtkIdType i = 0; i < std::min(n_cells, locations->GetNumberOfValues()); ++i)
      if (mesh.types[static_cast<std::size_t>(i)] == VTK_POLYHEDRON)
        mesh.face_offsets[static_cast<std::size_t>(i)] = locations->GetValue(i);
  }
  add_attributes(data->GetPointData(), Association::points, nullptr, nullptr, mesh.attributes);
  add_attributes(data->GetCellData(), Association::faces, nullptr, nullptr, mesh.attributes);
  return mesh;
}

}  // namespace streamtube::mesh_io
