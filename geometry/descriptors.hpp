#pragma once
// What the shape of a body is like in a few numbers, to compare it with the bodies a model was trained on. They are
// sums over elements of the surface, so a CAD file and the faces of a CFD case give the same.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "physics/vec3.hpp"

namespace streamtube::geometry {

// All dimensionless, lengths over the body's length along x, in the model's frame (flow along +x, z up):
// box width and height; area and volume; shadows along x, y, z (half the sum of |a_i|); centroid of the surface from
// the nose, from the middle plane, from the lowest point; radii of gyration of the surface; shares of the area that
// face -x, +x, -z, +z and sideways (fourth powers of the normal's components) and that slope in x and z; areas of seven
// cross-sections along x, over the box's.
inline constexpr std::size_t kDescriptors = 26;
extern const char* const kDescriptorNames[kDescriptors];
using Descriptors = std::array<double, kDescriptors>;

// positions: middles of the elements, m; areas: area vectors along the outward normal, m2. Elements should be smaller
// than a hundredth of the body. Error(internal) for other lengths of the two, or none; where the body has no extent
// along an axis, the descriptors that need it are 0.
Descriptors describe_shape(std::span<const Vec3> positions, std::span<const Vec3> areas);

// Descriptors of the bodies of a training set.
struct ShapeTable {
  std::vector<std::string> cases;
  std::vector<Descriptors> rows;  // of the cases
};

struct ShapeDistance {
  double distance = 0;    // Mahalanobis distance to the table's bodies over sqrt(kDescriptors), shrunk covariance
  double percentile = 0;  // of the distances of the table's bodies, each to the others, that are smaller, %
  double limit = 0;       // their 99th percentile
  std::string nearest;    // case, in the same metric
  // The descriptors that are farthest from the table's mean, in its deviations, farthest first.
  struct Outstanding {
    std::size_t descriptor = 0;
    double value = 0, min = 0, max = 0, deviations = 0;
  };
  std::vector<Outstanding> outstanding;
  // How the body would be like the table's, in words, were it turned; empty: as it lies, or in no way. By
  // solver::similarity.
  std::string if_turned;
  bool beyond() const { return distance > limit; }
};

// A table too short for that (fewer bodies than this) has no distances.
inline constexpr std::size_t kLeastShapes = 5;

// The covariance of the standardised descriptors C is shrunk to 0.9 C + 0.1 I (as Ledoit & Wolf 2004, J. Multivar.
// Anal. 88, with a fixed share), a deviation is at least 0.002. Error(internal) for fewer than kLeastShapes rows.
ShapeDistance shape_distance(const ShapeTable& table, const Descriptors& body);
// Its `distance` alone, for many bodies.
std::vector<double> shape_distances(const ShapeTable& table, std::span<const Descriptors> bodies);

}  // namespace streamtube::geometry
