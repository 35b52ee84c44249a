#pragma once
// Cutting a surface at a height, by VTK: face by face, so that open, doubled and self-intersecting surfaces are cut as
// well as closed ones.

#include <cstddef>

#include "geometry/surface_mesh.hpp"

namespace streamtube::mesh_io {

struct Cut {
  std::size_t removed = 0, shortened = 0;  // faces wholly below; faces through the height, of which a part is left
};

// Takes away what lies below the height z, m. The surface is left open at the cut. Faces that do not reach below
// stay as they are and in order; what is left of the others comes behind them, neighbours sharing their new
// points. Attributes are dropped when anything is cut.
Cut cut_below(geometry::SurfaceMesh& mesh, double z);

}  // namespace streamtube::mesh_io
