#include "mesh_io/gradient.hpp"

#include <vtkCellData.h>
#include <vtkDataArray.h>
#include <vtkDataSet.h>
#include <vtkGradientFilter.h>
#include <vtkNew.h>
#include <vtkPointData.h>
#include <vtkUnstructuredGrid.h>

#include "core/error.hpp"
#include "mesh_io/vtk_tools.hpp"

namespace streamtube::mesh_io {

using core::Error;
using core::ErrorKind;
using core::str;

std::vector<float> gradient(const geometry::VolumeMesh& mesh, const geometry::Attribute& field) {
  const bool on_points = field.association == geometry::Association::points;
  const std::size_t rows = on_points ? mesh.points.size() : mesh.cell_count();
  if (field.components < 1 || field.values.size() != rows * static_cast<std::size_t>(field.components))
    throw Error(ErrorKind::input,
                str("the field '", field.name, "' has ", field.values.size(), " values for ", rows,
                    on_points ? " points of " : " cells of ", field.components, " components: no gradient of it"));
  const VtkMessages messages;
  vtkNew<vtkUnstructuredGrid> grid;
  volume_to_vtk(mesh, 1.0, "the mesh of a gradient: ", grid);
  const std::vector<geometry::Attribute> borrowed = {field};
  add_attributes(grid, borrowed);
  vtkNew<vtkGradientFilter> filter;
  filter->SetInputData(grid);
  filter->SetInputScalars(on_points ? vtkDataObject::FIELD_ASSOCIATION_POINTS : vtkDataObject::FIELD_ASSOCIATION_CELLS,
                          field.name.c_str());
  filter->SetResultArrayName("gradient");
  filter->Update();
  vtkDataSet* result = filter->GetOutput();
  vtkDataSetAttributes* data =
      on_points ? static_cast<vtkDataSetAttributes*>(result->GetPointData()) : result->GetCellData();
  vtkDataArray* array = data ? data->GetArray("gradient") : nullptr;
  const std::size_t width = 3 * static_cast<std::size_t>(field.components);
  if (!array || !messages.errors().empty() || static_cast<std::size_t>(array->GetNumberOfTuples()) != rows ||
      static_cast<std::size_t>(array->GetNumberOfComponents()) != width)
    throw Error(ErrorKind::runtime, str("no gradient of the field '", field.name, "'",
                                        messages.errors().empty() ? "" : ": " + messages.errors().front()));
  std::vector<float> out(rows * width);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t c = 0; c < width; ++c)
      out[i * width + c] = static_cast<float>(array->GetComponent(static_cast<vtkIdType>(i), static_cast<int>(c)));
  return out;
}

}  // namespace streamtube::mesh_io
