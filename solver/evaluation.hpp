#pragma once
// A model against the cases of a data set: errors of the fields at the stored points, drag and lift on the cases' own
// faces.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mesh_io/h5/dataset.hpp"
#include "physics/metrics.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::solver {

struct EvaluationOptions {
  std::string split = "test";
  std::vector<std::size_t> cases;  // indices in the place of those of the split; empty: the split's
  std::size_t sample = 4096;       // random points per branch and case, for an error beside that of all points; 0: none
  std::size_t draws = 1;           // anchors are drawn so many times, and the network's answers averaged
  std::uint64_t seed = 0;
  std::optional<physics::Decoder> vorticity;  // direct or curl, in the place of what the model says
  // A curl as the data's cells have it (physics/cell_vorticity.hpp), where their volumes are known; else at the points.
  bool vorticity_of_cells = true;
  surrogate::Precision precision = surrogate::Precision::fp32;
  // Called with every case as predicted: its fields the model's, its coefficients those that follow.
  std::function<void(const mesh_io::FlowSample& prediction)> each;
};

struct FieldScore {  // means over the cases; dimensionless
  double relative_l2 = 0, weighted_relative_l2 = 0, mean_absolute = 0, mean_squared = 0;  // over all points
  double sample_relative_l2 = 0;  // over the sample, as validation in training sees it
  std::vector<double> component_relative_l2;
};

struct CaseScore {
  std::string name;
  std::map<std::string, double> relative_l2;        // "surface/pressure", ...
  double cd = 0, cl = 0, true_cd = 0, true_cl = 0;  // true: of the solver
  std::vector<double> cd_draws, cl_draws;           // of every draw alone, where there are several
};

struct EvaluationResult {
  bool vorticity_of_cells = false;  // of every case
  std::map<std::string, FieldScore> fields;
  physics::CoefficientError cd, cl;
  std::vector<CaseScore> cases;
};

// Anchors are drawn from the case: surface anchors by area, as `predict` does. With the length of a case's body
// (surrogate::body_length) a model of a canonical length is scaled and the Reynolds number made; other conditions are
// the case's parameters. Throws Error(input) when the model's fields are not the data's (decoders are no
// part of that) or do not allow the decoder asked for, or a case lacks a condition, Error(usage) for an empty split or
// a precision this machine does not have.
EvaluationResult evaluate(const surrogate::Checkpoint& model, const mesh_io::Dataset& data,
                          const EvaluationOptions& options);

// One result out of those of models that answered different cases: means weigh as their cases.
EvaluationResult joined(const std::vector<EvaluationResult>& parts);

// Numbers by name, for --require: "cd_r2", "cd_mae_counts", "cl_r2", "surface/pressure", ...
std::map<std::string, double> metrics(const EvaluationResult& result);
// The names of what evaluating this model will give.
std::vector<std::string> metric_names(const surrogate::Checkpoint& model);

}  // namespace streamtube::solver
