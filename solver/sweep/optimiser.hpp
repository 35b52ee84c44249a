#pragma once
// A bounded minimum by NLopt, over the free parameters of a space. A program built without NLopt has none.

#include <functional>
#include <string>
#include <vector>

#include "solver/sweep/design_space.hpp"

namespace streamtube::solver {

struct Evaluated {
  bool ok = false;                  // else: stop, nothing was computed
  double value = 0;                 // of the objective; NaN: the design failed
  std::vector<double> constraints;  // hold where at most 0; always the same number, none for a design that failed
};

struct Optimum {
  std::string reason;  // why it ended, in words
};

bool has_optimiser();

// Calls `evaluate` with values of all parameters, those of `start` first, at most objective.evaluations times, one
// after the other; the same answers lead to the same questions. "auto" is COBYLA (Powell 1994) with constraints, which
// every algorithm but bobyqa (Powell 2009) and direct (Gablonsky & Kelley 2001) keeps; these see a broken constraint as
// a high value. A design that failed counts as worse than all before. Error(input) when nothing is free.
Optimum optimise(const SweepPlan& plan, const std::vector<double>& start,
                 const std::function<Evaluated(const std::vector<double>&)>& evaluate);

}  // namespace streamtube::solver
