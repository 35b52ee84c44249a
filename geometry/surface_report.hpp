#pragma once
// What a surface is like before anything is predicted on it, and whether an answer can mean something.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

struct SurfaceReport {
  std::size_t points = 0, faces = 0, triangles = 0;  // triangles: that fill the polygons
  std::size_t merged_points = 0;                     // different points
  std::size_t patches = 0;                           // solids, groups, blocks
  std::size_t components = 0;                        // connected by shared edges after merging equal points
  std::size_t inverted_components = 0;               // closed, with negative volume: inside out, or a cavity's wall
  std::size_t nested_components = 0;                 // whose bounds lie within another's: perhaps inside it
  std::size_t degenerate_faces = 0;                  // no area: corners equal or in a line
  std::size_t duplicate_faces = 0;                   // same corners as an earlier face
  std::size_t crossing_polygons = 0;               // whose outline cuts itself; first_crossing says where the first is
  std::size_t boundary_edges = 0;                  // of one face only: holes
  std::size_t non_manifold_edges = 0;              // of three or more faces
  std::size_t inconsistent_edges = 0;              // both faces run along it the same way
  std::optional<std::int64_t> self_intersections;  // pairs of faces; nothing: not asked for
  bool cuts_undecided = false;                     // asked for, but CGAL could not decide
  bool watertight = false;                         // closed, manifold, consistently oriented
  bool outward = false;                            // signed volume > 0
  Box bounds;                                      // m
  // m2; signed, m3, about the middle of the bounds (which matters only when the surface is open).
  double area = 0, volume = 0;
  std::string first_crossing;
  std::string likely_unit;  // of the file's numbers: "m", or "mm"/"cm"/"in" where those make a vehicle of it
};

// The unit in which a length in the file's numbers is that of a vehicle or a model of one.
std::string likely_unit(double size_in_file_units);

// `mesh` has passed its check(). Merges points that are bit-equal (STL has no topology) before counting edges.
SurfaceReport report(const SurfaceMesh& mesh, bool find_self_intersections = false);

// Human text, one fact a line, `indent` before each.
std::string to_text(const SurfaceReport& report, const std::string& indent);

struct Orientation {
  std::size_t faces = 0;      // turned to agree with their neighbours
  std::size_t pieces = 0;     // turned as a whole
  std::size_t cavities = 0;   // inverted, but inside another: left
  std::size_t conflicts = 0;  // edges no turning can make agree
};
// Turns faces that disagree with their neighbours (the smaller area gives way), then closed parts that are inside out,
// also a main body with small holes, unless they are cavities of another part. The first corner of a face stays.
Orientation orient(SurfaceMesh& mesh);

// What prepare() did to the mesh.
struct Preparation {
  std::vector<std::string> warnings;  // what was found and what it means for the answer
  std::vector<std::string> defects;   // the same of what repair() may remedy
  bool flipped = false;               // an inside-out body, or a closed part of it, was turned
  std::size_t turned_faces = 0;       // faces that disagreed with their neighbours
  std::size_t conflicts = 0;          // edges no turning can make agree
};

// A sentence when a mesh as it was read has coordinates in float32, as STL has them, so far from the origin that they
// go in steps of more than a thousandth of its size; else empty.
std::string coarse_numbers_text(const SurfaceMesh& mesh);

// Makes a surface ready for prediction: orients it where that is needed. Warns of that and of holes, non-manifold
// edges, duplicate faces, faces that cut each other, degenerate faces (they stay, with zero area) and an unlikely unit.
// Corners of turned faces are reversed; attributes stay as they are, so vectors along the normal do not turn. `report`
// is that of the mesh as it comes in. Throws Error(input) naming `where` when no answer could mean anything: zero area,
// all faces degenerate, fewer than 4 faces, size beyond 1e-6..1e6 m.
Preparation prepare(SurfaceMesh& mesh, const SurfaceReport& report, const std::string& where);

}  // namespace streamtube::geometry
