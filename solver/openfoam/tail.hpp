#pragma once
// Where the wake of a car begins, from its surface alone: around this the mesh `car` is fine (docs/solve.md).

#include "geometry/surface_mesh.hpp"

namespace streamtube::solver {

// m, in the model's frame: x along the flow, z up.
struct Tail {
  // x at which a plane that falls backwards by 8 degrees touches the body: the rear end of a roof, which is flatter
  // than that, before a rear window, which is steeper. It is the tail where the roof goes on to there.
  double roof_end = 0;
  // z of the underbody without wheels: the median height of all faces that look down, by their area in plan. The lowest
  // z where none do.
  double underbody = 0;
  double low_y = 0, high_y = 0;  // of the body's rear half: without the mirrors on the front doors
};
Tail tail_of(const geometry::SurfaceMesh& body);

}  // namespace streamtube::solver
