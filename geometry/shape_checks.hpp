#pragma once
// How far the triangles of a surface can be trusted to be its shape.

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

struct ShapeChecks {
  // Share of the area on faces that have both a ridge and a valley of 2 to 60 degrees at their sides: all but nothing
  // of a smooth surface, more than half of one whose points are off by some hundredths of an edge.
  double rough = 0;
  // Share of the area on flat facets in whose row the surface turns by 8 to 50 degrees at every edge: a curve in steps.
  // `step`: of them, area-weighted mean distance between the facet and the curve that it stands for, m; `turn`:
  // likewise the angle at an edge, radians.
  double stepped = 0, step = 0, turn = 0;
};
// Of a surface of triangles or other flat faces. Facets are looked for in surfaces of up to 50,000 faces.
ShapeChecks check_facets(const SurfaceMesh& mesh);

}  // namespace streamtube::geometry
