#include "mesh_io/probe.hpp"

#include <vtkCell.h>
#include <vtkGenericCell.h>
#include <vtkNew.h>
#include <vtkStaticCellLocator.h>
#include <vtkUnstructuredGrid.h>

#include <array>
#include <cmath>

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "mesh_io/vtk_tools.hpp"

namespace streamtube::mesh_io {

using geometry::Association;
using geometry::Attribute;

namespace {

// The cell of a place and how much of it each of the cell's points is; -1: none.
template <class Find>
Probed take(vtkUnstructuredGrid* grid, const std::vector<Attribute>& attributes, const std::vector<Vec3>& at,
            const Find& find) {
  Probed out;
  out.found.assign(at.size(), 0);
  for (const Attribute& a : attributes)
    out.attributes.push_back({a.name, Association::points, a.components,
                              std::vector<float>(at.size() * static_cast<std::size_t>(a.components), 0.0f)});
  vtkNew<vtkGenericCell> cell;
  std::vector<double> weights(static_cast<std::size_t>(grid->GetMaxCellSize()) + 8);
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (i % 4096 == 0) core::check_interrupt();
    const vtkIdType id = find(at[i], cell.Get(), weights.data());
    if (id < 0) continue;
    out.found[i] = 1;
    for (std::size_t k = 0; k < attributes.size(); ++k) {
      const Attribute& a = attributes[k];
      const auto width = static_cast<std::size_t>(a.components);
      for (std::size_t c = 0; c < width; ++c) {
        double value = 0;
        if (a.association == Association::faces)
          value = a.values[static_cast<std::size_t>(id) * width + c];
        else
          for (vtkIdType p = 0; p < cell->GetNumberOfPoints(); ++p)
            value += weights[static_cast<std::size_t>(p)] *
                     a.values[static_cast<std::size_t>(cell->GetPointId(static_cast<int>(p))) * width + c];
        out.attributes[k].values[i * width + c] = static_cast<float>(value);
      }
    }
  }
  return out;
}

}  // namespace

Probed probe(const geometry::SurfaceMesh& mesh, const std::vector<Vec3>& at, double reach) {
  const VtkMessages quiet;
  geometry::VolumeMesh cells;
  cells.points = mesh.points, cells.offsets = mesh.offsets, cells.corners = mesh.corners;
  constexpr std::uint8_t kTriangle = 5, kPolygon = 7;
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    cells.types.push_back(mesh.corner_count(f) == 3 ? kTriangle : kPolygon);
  vtkNew<vtkUnstructuredGrid> grid;
  volume_to_vtk(cells, 1.0, "the surface to compare: ", grid);
  vtkNew<vtkStaticCellLocator> locator;
  locator->SetDataSet(grid);
  locator->BuildLocator();
  return take(grid, mesh.attributes, at, [&](const Vec3& x, vtkGenericCell* cell, double* weights) {
    Vec3 nearest;
    vtkIdType id = -1;
    int sub = 0;
    double distance2 = 0, parametric[3];
    if (!locator->FindClosestPointWithinRadius(const_cast<double*>(x.data()), reach, nearest.data(), cell, id, sub,
                                               distance2))
      return vtkIdType{-1};
    grid->GetCell(id, cell);
    cell->EvaluatePosition(nearest.data(), nullptr, sub, parametric, distance2, weights);
    return id;
  });
}

Probed probe(const geometry::VolumeMesh& mesh, const std::vector<Vec3>& at) {
  const VtkMessages quiet;
  vtkNew<vtkUnstructuredGrid> grid;
  volume_to_vtk(mesh, 1.0, "the volume to compare: ", grid);
  vtkNew<vtkStaticCellLocator> locator;
  locator->SetDataSet(grid);
  locator->BuildLocator();
  return take(grid, mesh.attributes, at, [&](const Vec3& x, vtkGenericCell* cell, double* weights) {
    double parametric[3];
    const vtkIdType id = locator->FindCell(const_cast<double*>(x.data()), 0, cell, parametric, weights);
    if (id >= 0) grid->GetCell(id, cell);
    return id;
  });
}

}  // namespace streamtube::mesh_io
