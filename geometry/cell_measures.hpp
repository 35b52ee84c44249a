#pragma once
// Centres and volumes of cells, of any shape that flat faces bound.

#include <vector>

#include "geometry/volume_mesh.hpp"

namespace streamtube::geometry {

struct CellMeasures {
  std::vector<Vec3> center;    // [C] m, of gravity
  std::vector<double> volume;  // [C] m3; 0 for cells without one (vertices, lines, polygons)
};
// Tetrahedra, hexahedra, wedges, pyramids, polyhedra: summed over the pyramids between the cell's middle and its faces,
// as OpenFOAM does, with no need of the faces' orientation. Of other cells the mean of the corners and no volume.
CellMeasures measure_cells(const VolumeMesh& mesh);

}  // namespace streamtube::geometry
