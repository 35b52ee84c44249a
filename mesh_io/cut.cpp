#include "mesh_io/cut.hpp"

#include <vtkCellArray.h>
#include <vtkCellData.h>
#include <vtkClipPolyData.h>
#include <vtkIdList.h>
#include <vtkIntArray.h>
#include <vtkNew.h>
#include <vtkPlane.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>

#include <map>

#include "geometry/parts.hpp"
#include "mesh_io/vtk_tools.hpp"

namespace streamtube::mesh_io {
using geometry::SurfaceMesh;

Cut cut_below(SurfaceMesh& mesh, double z) {
  Cut cut;
  std::vector<std::int64_t> offsets{0}, corners;
  std::vector<std::int32_t> patch;
  std::vector<std::size_t> through;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    std::size_t below = 0, above = 0;
    for (std::size_t i = 0; i < mesh.corner_count(f); ++i) {
      below += mesh.corner(f, i)[2] < z;
      above += mesh.corner(f, i)[2] > z;
    }
    if (below > 0 && above > 0) {
      through.push_back(f);
    } else if (below > 0) {
      ++cut.removed;
    } else {
      corners.insert(corners.end(), mesh.corners.begin() + mesh.offsets[f], mesh.corners.begin() + mesh.offsets[f + 1]);
      offsets.push_back(static_cast<std::int64_t>(corners.size()));
      patch.push_back(mesh.patch[f]);
    }
  }
  cut.shortened = through.size();
  if (cut.removed + cut.shortened == 0) return cut;

  // The faces through the height go to VTK with the points they use, and come back with new ones on the cut.
  std::map<Vec3, std::int64_t> known;
  vtkNew<vtkPoints> points;
  points->SetDataTypeToDouble();
  std::map<std::int64_t, vtkIdType> handed;
  vtkNew<vtkCellArray> polygons;
  vtkNew<vtkIntArray> patches;
  patches->SetName(kPatchArray);
  for (const std::size_t f : through) {
    polygons->InsertNextCell(static_cast<int>(mesh.corner_count(f)));
    for (std::size_t i = 0; i < mesh.corner_count(f); ++i) {
      const std::int64_t corner = mesh.corners[static_cast<std::size_t>(mesh.offsets[f]) + i];
      const auto [at, added] = handed.try_emplace(corner, 0);
      if (added) {
        at->second = points->InsertNextPoint(mesh.corner(f, i).data());
        known.emplace(mesh.corner(f, i), corner);
      }
      polygons->InsertCellPoint(at->second);
    }
    patches->InsertNextValue(mesh.patch[f]);
  }
  vtkNew<vtkPolyData> data;
  data->SetPoints(points);
  data->SetPolys(polygons);
  data->GetCellData()->AddArray(patches);
  vtkNew<vtkPlane> plane;
  plane->SetOrigin(0, 0, z);
  plane->SetNormal(0, 0, 1);
  vtkNew<vtkClipPolyData> clip;
  clip->SetInputData(data);
  clip->SetClipFunction(plane);
  clip->Update();
  vtkPolyData* left = clip->GetOutput();
  auto* left_patches = vtkIntArray::SafeDownCast(left->GetCellData()->GetArray(kPatchArray));
  vtkNew<vtkIdList> ids;
  for (vtkIdType c = 0; c < left->GetNumberOfPolys() && left_patches; ++c) {
    left->GetPolys()->GetCellAtId(c, ids);
    for (vtkIdType i = 0; i < ids->GetNumberOfIds(); ++i) {
      Vec3 p;
      left->GetPoint(ids->GetId(i), p.data());
      const auto [at, added] = known.try_emplace(p, static_cast<std::int64_t>(mesh.points.size()));
      if (added) mesh.points.push_back({p[0], p[1], z});  // VTK measures heights in float
      corners.push_back(at->second);
    }
    offsets.push_back(static_cast<std::int64_t>(corners.size()));
    patch.push_back(left_patches->GetValue(c));
  }
  mesh.offsets = std::move(offsets);
  mesh.corners = std::move(corners);
  mesh.patch = std::move(patch);
  mesh.attributes.clear();
  geometry::drop_unused_points(mesh);
  return cut;
}

}  // namespace streamtube::mesh_io
