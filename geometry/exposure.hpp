#pragma once
// Which parts of a surface the flow reaches.

#include <cstdint>
#include <vector>

#include "geometry/surface_mesh.hpp"

namespace streamtube::geometry {

// Pieces of faces (piece: [F], 0..pieces-1) that see no way out: of rays from up to 24 places on either side of the
// piece, hardly any misses the surface. Only those marked in `asked` are looked at. [pieces]
std::vector<char> hidden_pieces(const SurfaceMesh& mesh, const std::vector<std::uint32_t>& piece, std::size_t pieces,
                                const std::vector<char>& asked);

// Faces of `mesh` whose middle lies inside the closed body, deeper than `depth` (m). [F of mesh]
std::vector<char> faces_inside(const SurfaceMesh& mesh, const SurfaceMesh& body, double depth);

}  // namespace streamtube::geometry
