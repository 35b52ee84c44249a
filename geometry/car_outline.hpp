#pragma once
// Closed outlines in a plane, of corners with bowed edges and fillets, and the distance to them.

#include <array>
#include <cstddef>
#include <vector>

namespace streamtube::geometry {

using Vec2 = std::array<double, 2>;

// Counter-clockwise or clockwise: the left of the way is the outside, towards which a positive bow bulges. m
struct OutlineCorner {
  Vec2 at;            // where its two edges would meet
  double radius = 0;  // of the fillet; less where the edges are too short for it
  double bow = 0;     // sagitta of the edge to the next corner
};

struct Outline {
  std::vector<Vec2> line;            // closed polyline, at most about 0.4 mm between points; m
  std::vector<std::size_t> corners;  // [corners] the middle of each fillet, index into line
};

// A corner becomes a cubic that leaves the edges where an arc of its radius would.
Outline filleted_outline(const std::vector<OutlineCorner>& corners);

// Signed distance to a closed polyline, negative inside: a cubic spline through the distances at points 1.5 mm apart,
// so that it is smooth. Off from the distance itself by up to 0.1 mm where an edge is as sharp as these points are
// apart.
class OutlineDistance {
 public:
  explicit OutlineDistance(const std::vector<Vec2>& line);
  // m; farther than 60 mm from the line's bounding box: the distance to that frame is added.
  double at(const Vec2& p) const;

 private:
  Vec2 low_{}, high_{};                // of the table
  std::array<std::size_t, 2> size_{};  // points along x and z
  std::vector<double> spline_;         // [size x][size z] coefficients of the cubic B-splines
};

}  // namespace streamtube::geometry
