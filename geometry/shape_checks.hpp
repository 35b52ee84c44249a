#pragma once
// How far the triangles of a surface can be trusted to be its shape.

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

struct ShapeChecks {
  // Share of the area on faces that have both a ridge and a valley of 2 to 60 degrees at their sides: all but nothing
  // of a smooth surface, more than half of one whose points are off by some hundredths of an edge.
  double rough = 0;
  // Curves in flat facets: bends of 8 to 50 degrees of which at least three follow each other, the same way and about
  // equally far apart. `step`: mean distance between the triangles and the curves that they stand for, m, over the
  // whole area, so that a few bends count for as much as they are worth. `turn`: mean angle of those bends, radians,
  // weighed likewise. `stepped`: share of the area on the faces beside them.
  double stepped = 0, step = 0, turn = 0;
};
// Of a surface of triangles or other flat faces.
//
// A curve of radius R in chords of width w turns by phi = w / R from chord to chord and rises above a chord by
// w phi / 12 in the mean (2/3 of its sagitta, w / 2 tan(phi / 4)). An edge of length l that bends by phi between facets
// of width w thus stands for l w of the surface, off by w phi / 12; half of each facet belongs to the edge at its other
// end. In triangles the same sum over edges, w being their heights, is exact for quadratic surfaces: the distance
// integrates to A / 24 sum of kappa_j l_j^2 over a triangle's sides j, and with the curvature that its dihedral angles
// stand for (Grinspun, Gingold, Reisman, Zorin 2006, "Computing discrete shape operators on general meshes", Comput.
// Graph. Forum 25) that is A / 12 sum of phi_e h_e. So cylinders in strips and spheres in equal triangles come out
// right, whichever way strips are cut into triangles.
ShapeChecks check_facets(const SurfaceMesh& mesh);

}  // namespace streamtube::geometry
