// Writes the damaged versions of a body for tests/acceptance/damaged_bodies.py:
//
//     write_damaged BODY FOLDER
//
// Those of damage.hpp, and by VTK decimated.stl (a tenth of the triangles) and coarse_100.stl (a hundred).

#include <vtkCellArray.h>
#include <vtkIdList.h>
#include <vtkNew.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkQuadricDecimation.h>

#include <cstdio>
#include <exception>
#include <filesystem>

#include "mesh_io/mesh_io.hpp"
#include "tests/support/damage.hpp"

namespace {

using streamtube::geometry::SurfaceMesh;

SurfaceMesh decimated(const SurfaceMesh& mesh, double left) {
  vtkNew<vtkPoints> points;
  points->SetDataTypeToDouble();
  for (const auto& p : mesh.points) points->InsertNextPoint(p.data());
  vtkNew<vtkCellArray> cells;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    cells->InsertNextCell(3);
    for (int i = 0; i < 3; ++i) cells->InsertCellPoint(mesh.corners[mesh.offsets[f] + i]);
  }
  vtkNew<vtkPolyData> body;
  body->SetPoints(points);
  body->SetPolys(cells);
  vtkNew<vtkQuadricDecimation> decimation;
  decimation->SetInputData(body);
  decimation->SetTargetReduction(1 - left);
  decimation->Update();
  vtkPolyData* done = decimation->GetOutput();
  SurfaceMesh out;
  out.offsets = {0};
  out.patch_names = {"body"};
  for (vtkIdType i = 0; i < done->GetNumberOfPoints(); ++i) {
    const double* p = done->GetPoint(i);
    out.points.push_back({p[0], p[1], p[2]});
  }
  vtkNew<vtkIdList> corners;
  for (vtkIdType c = 0; c < done->GetNumberOfCells(); ++c) {
    done->GetCellPoints(c, corners);
    for (vtkIdType i = 0; i < corners->GetNumberOfIds(); ++i) out.corners.push_back(corners->GetId(i));
    out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
    out.patch.push_back(0);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "write_damaged BODY FOLDER\n");
    return 2;
  }
  try {
    const std::filesystem::path folder = argv[2];
    std::filesystem::create_directories(folder);
    const SurfaceMesh clean = streamtube::mesh_io::read_surface(argv[1], 1.0);
    const auto write = [&](const std::string& name, const SurfaceMesh& mesh) {
      streamtube::mesh_io::write_stl((folder / (name + ".stl")).string(), mesh);
      std::printf("%s\n", name.c_str());
    };
    for (const auto& name : streamtube::test::damages()) write(name, streamtube::test::damaged(clean, name));
    write("decimated", decimated(clean, 0.1));
    write("coarse_100", decimated(clean, 100.0 / static_cast<double>(clean.face_count())));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "write_damaged: %s\n", error.what());
    return 1;
  }
}
