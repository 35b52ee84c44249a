#pragma once
// What a surface is like before anything is predicted on it, and whether an answer can mean something.

#include <cstdint>
#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

struct SurfaceReport {
  std::size_t points = 0, faces = 0, triangles = 0;   // triangles: after fanning polygons
  std::size_t patches = 0;                            // solids, groups, blocks
  std::size_t components = 0;                         // connected by shared edges after merging equal points
  std::size_t degenerate_faces = 0;                   // zero area or repeated corners
  std::size_t duplicate_faces = 0;                    // same corners as an earlier face
  std::size_t boundary_edges = 0;                     // of one face only: holes
  std::size_t non_manifold_edges = 0;                 // of three or more faces
  std::size_t inconsistent_edges = 0;                 // both faces run along it the same way
  std::int64_t self_intersections = -1;               // pairs of faces; -1: not asked for
  bool watertight = false;                            // closed, manifold, consistently oriented
  bool outward = false;                               // signed volume > 0
  Box bounds;                                         // m
  double area = 0, volume = 0;                        // m2; signed, m3 (meaningful when closed)
  std::string likely_unit;                            // "m", or "mm"/"cm"/"in" when the size is far from a vehicle's
};

// merges points that are bit-equal (STL has no topology) before counting edges.
SurfaceReport report(const SurfaceMesh& mesh, bool find_self_intersections = false);

// Human text, one fact a line, `indent` before each.
std::string to_text(const SurfaceReport& report, const std::string& indent);

// What prepare() did to the mesh.
struct Preparation {
  std::vector<std::string> warnings;  // what was found and what it means for the answer
  bool flipped = false;               // an inside-out closed body was turned
};

// Makes a surface ready for prediction: orients a closed but inverted body outwards (warns), counts degenerate faces
// (they stay, with zero area), warns of holes, non-manifold edges, duplicate faces. Throws Error(input) naming `where`
// when no answer could mean anything: zero area, all faces degenerate, fewer than 4 faces, size beyond 1e-6..1e6 m.
Preparation prepare(SurfaceMesh& mesh, const SurfaceReport& report, const std::string& where);

}  // namespace streamtube::geometry
