#pragma once
// The surface of an implicit car as triangles.

#include "geometry/car_body.hpp"
#include "geometry/generators.hpp"

namespace streamtube::geometry {

// Closed, outward, one piece, its halves exact mirror images. Vertices are within 1 um of the implicit surface, the
// middles of edges within 3 % of `triangle` and 0.45 mm, a few at corners half more. Triangles are of that size (m)
// where the body is flat and smaller where it is curved; sharp edges run along edges of triangles. The wheels end flat
// at CarBody::kFoot.
GeneratedBody car_surface(const CarBody& body, double triangle);

}  // namespace streamtube::geometry
