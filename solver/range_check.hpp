#pragma once
// Whether a case lies inside of what a model was trained on.

#include <string>
#include <vector>

#include "solver/case.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::solver {

// The reference quantities of a case: what the user set, else the length of the bounding box along x and the frontal
// area.
Forces reference_quantities(const Case& question);

// How far a body is from being its own mirror image at y = 0.
struct Asymmetry {
  // Differences of its two halves over their sums: of the area, and of the area's moment about y = 0; positive with
  // more at y > 0.
  double area = 0, moment = 0;
  // Between the x axis and the long principal axis of the area seen from above, degrees: of a body turned about z.
  double yaw = 0;
  double halves() const;  // the larger difference
};
// body: in the model's frame. For what it measures triangles do not matter.
Asymmetry asymmetry(const geometry::SurfaceMesh& body);

// What a model of symmetric bodies takes for one: above it is an extrapolation. Mirrors, rims and exhausts make a few
// per cent of difference, and move the long axis by half a degree.
inline constexpr double kMostAsymmetry = 0.05, kMostYaw = 1.5;  // of the halves; degrees

// What is worth saying of a body that is not quite symmetric, for a model of symmetric bodies; empty: nothing.
std::string asymmetry_text(const surrogate::Checkpoint& checkpoint, const geometry::SurfaceMesh& body);

// Whether the training bodies' height above the ground includes this one, m, of a body `length` m long: wheels that
// stand a hair above the ground in CFD stand on it elsewhere.
bool knows_clearance(const surrogate::Range& range, double clearance, double length);

// Quantities of the case, conditions among them, outside of the training range of the model's world at the case's
// scale, in the checkpoint's order. Quantities this program does not know are skipped.
std::vector<Extrapolation> extrapolations(const surrogate::Checkpoint& world, const Case& question,
                                          double frontal_area);

// Throws Error(input) unless all points lie, axis by axis, in the domain of the model's world (at the case's scale) or
// where its positions run, [origin, origin + extent]; `what` names the file.
void check_positions(const surrogate::Checkpoint& world, const Box& bounds, const std::string& what);

}  // namespace streamtube::solver
