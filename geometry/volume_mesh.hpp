#pragma once
// Where volume fields are wanted: cells of a user's mesh, an adaptive hexahedral mesh around the body, or a grid.

#include <cstdint>
#include <string>
#include <vector>

#include "geometry/distance.hpp"
#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

// Linear cells over shared points (VTK cell types and corner order).
struct VolumeMesh {
  std::vector<Vec3> points;           // [V] m
  std::vector<std::int64_t> offsets;  // [C + 1]
  std::vector<std::int64_t> corners;
  std::vector<std::uint8_t> types;  // [C] VTK cell type: 10 tet, 12 hexahedron, 42 polyhedron (corners = its points)
  std::vector<std::int64_t> face_offsets, faces;  // polyhedra only: VTK's face stream; face_offsets -1 for other cells
  std::vector<Attribute> attributes;              // Association::faces means cells here
  double file_unit = 1.0;

  std::size_t cell_count() const { return offsets.empty() ? 0 : offsets.size() - 1; }
  Vec3 center(std::size_t cell) const;  // mean of the corners
  Box bounds() const;                   // of the points that cells use, m

  // Throws Error(input) naming `where` and the first offender: no cells, a point index out of range, a point that is
  // not finite, a damaged face stream, an attribute of the wrong length (by name).
  void check(const std::string& where) const;
};

// Refinement as the CFD meshes of the training data have it: cells with their centre in the box are at most base /
// 2^level.
struct RefinementBox {
  Box box;  // m
  int level = 0;
};
struct AdaptiveMeshSpec {
  Box domain;               // m; cut to whole base cells, at the high end in x and z, at both ends alike in y
  double base_cell = 0.13;  // m
  int surface_level = 4;    // of the cells that the surface crosses
  // Up to this many cells of a level away from the surface (along the axes), no cell is coarser than that level; much
  // like snappyHexMesh's nCellsBetweenLevels.
  int buffer_cells = 3;
  std::vector<RefinementBox> boxes;
  std::size_t max_cells = 20'000'000;  // Error(input) with the estimate beyond
};

// Octree-refined hexahedra, level difference <= 1 across faces and edges (hanging nodes stay, shared points are
// merged), cells with their centre inside the body left out, in Morton order. The same on any machine and number of
// threads. Error(input): an empty domain, a cell larger than it, too many cells. `distance` is that of `body`.
VolumeMesh adaptive_mesh(const SurfaceMesh& body, const DistanceField& distance, const AdaptiveMeshSpec& spec);

// Uniform hexahedra of edge `cell` over `domain` (cut to whole cells as above), cells with their centre inside the body
// left out, x fastest. max_cells counts the body's inside too.
VolumeMesh uniform_grid(const DistanceField& distance, const Box& domain, double cell, std::size_t max_cells);

}  // namespace streamtube::geometry
