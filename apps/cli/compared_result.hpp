#pragma once
// A result to be compared: fields on a mesh or at points, and what its files state of coefficients and conditions.

#include <string>

#include "apps/cli/stated_result.hpp"
#include "solver/comparison.hpp"

namespace streamtube::apps {

struct ComparedResult {
  solver::Result fields;
  StatedResult stated;
};

// Of a folder of results, a case of OpenFOAM, a mesh file, a table of points, or DATASET:CASE. unit: metres per unit of
// its files. Throws Error(input).
ComparedResult read_result(const std::string& path, double unit);

// Fields of a result at the velocity and density of another: equal where the dimensionless fields are. Says so.
void take_conditions(ComparedResult& one, const ComparedResult& other);

}  // namespace streamtube::apps
