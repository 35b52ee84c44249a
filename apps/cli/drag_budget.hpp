#pragma once
// Where the error of drag comes from: the same cases answered in steps from what a training knows (the faces and cells
// of the CFD) to what a user has (a file of the body).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mesh_io/h5/dataset.hpp"
#include "physics/metrics.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "surrogate/model/surrogate.hpp"

namespace streamtube::apps {

struct BudgetOptions {
  std::string geometry;  // folder of bodies by the names of cases, m, in the data set's frame; empty: of the data set
  std::size_t draws = 4;
  std::uint64_t seed = 0;
  surrogate::Precision precision = surrogate::Precision::fp32;
};

struct BudgetStep {
  std::string name, meaning;
  std::vector<std::vector<double>> cd;  // [cases][draws]
};

struct DragBudget {
  std::vector<std::string> cases;
  std::vector<double> true_cd;    // of the solver
  std::vector<BudgetStep> steps;  // in order
  // Edges of cells (cube root of the volume) within half an octave around `edge`, which is a cell of the model's mesh,
  // m: the share of the cells that volume anchors are drawn from, and of the data set's points. Means over the cases.
  struct Bin {
    double edge = 0, own = 0, data = 0;
  };
  std::vector<Bin> cells;
};

// Draws anchors from the body of each case as `predict` does, asks for the fields at the CFD's faces, and sums the
// forces over these and over the body. Throws Error(input) for a case whose body is not to be had, or does not lie
// where the case's faces are.
using MakeBudget = DragBudget (*)(const surrogate::Checkpoint& model, const mesh_io::Dataset& data,
                                  std::span<const std::size_t> cases, const BudgetOptions& options);
DragBudget make_budget(const surrogate::Checkpoint& model, const mesh_io::Dataset& data,
                       std::span<const std::size_t> cases, const BudgetOptions& options);

// One line of the table: against the solver's Cd, and against the step before.
struct BudgetLine {
  physics::CoefficientError one, mean;  // of a single draw (mean over the draws); of the mean of all draws
  double rms = 0;                       // of a single draw's error
  double scatter = 0;                   // standard deviation from draw to draw, RMS over the cases
  double change = 0, change_rms = 0;    // of the mean of the draws, against that of the step before: mean and RMS
};
std::vector<BudgetLine> budget_lines(const DragBudget& budget);
std::string budget_text(const DragBudget& budget);
std::string budget_json_text(const DragBudget& budget);

}  // namespace streamtube::apps
