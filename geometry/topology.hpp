#pragma once
// Which faces of a surface meet at which edges, equal points being one: STL has no topology of its own.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

using Id = std::uint32_t;

// Faces over merged points, and which faces run along each edge.
class Topology {
 public:
  // Throws Error(input) for a surface too large to number in 32 bit.
  explicit Topology(const SurfaceMesh& mesh);

  struct Use {  // of an edge by a face
    Id high;    // the edge's higher vertex
    Id face;
    bool descending;  // the face runs from the higher to the lower vertex
  };

  std::size_t vertex_count() const { return vertex_point.size(); }
  std::size_t face_count() const { return ring_offsets.size() - 1; }
  // Of face f without repeated neighbours; empty if fewer than three are left.
  std::span<const Id> ring(std::size_t f) const {
    return std::span(rings).subspan(ring_offsets[f], ring_offsets[f + 1] - ring_offsets[f]);
  }
  // visit(lower vertex, uses) for every edge, in a fixed order.
  template <class Visit>
  void for_edges(const Visit& visit) const {
    for (std::size_t v = 0; v < vertex_count(); ++v) {
      for (std::size_t i = use_offsets[v]; i < use_offsets[v + 1];) {
        std::size_t end = i + 1;
        while (end < use_offsets[v + 1] && uses[end].high == uses[i].high) ++end;
        visit(static_cast<Id>(v), std::span<const Use>(uses).subspan(i, end - i));
        i = end;
      }
    }
  }

  std::vector<Id> vertex_point;  // [vertices] the first of the equal points
  std::vector<Id> vertex;        // [points]

 private:
  void merge_points(const SurfaceMesh& mesh);
  std::vector<std::size_t> ring_offsets, use_offsets;
  std::vector<Id> rings;
  std::vector<Use> uses;
};

}  // namespace streamtube::geometry
