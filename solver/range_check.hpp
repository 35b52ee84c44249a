#pragma once
// Whether a case lies inside of what a model was trained on.

#include <vector>

#include "solver/case.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::solver {

// The reference quantities of a case: what the user set, else the length of the bounding box along x and the frontal
// area.
Forces reference_quantities(const Case& question);

// Quantities of the case, conditions among them, outside of the training range of the model's world at the case's
// scale, in the checkpoint's order. Quantities this program does not know are skipped.
std::vector<Extrapolation> extrapolations(const surrogate::Checkpoint& world, const Case& question,
                                          double frontal_area);

// Throws Error(input) unless all points lie, axis by axis, in the domain of the model's world (at the case's scale) or
// where its positions run, [origin, origin + extent]; `what` names the file.
void check_positions(const surrogate::Checkpoint& world, const Box& bounds, const std::string& what);

}  // namespace streamtube::solver
