#pragma once
// What can be said of drag and lift without a network, beside which a model must be seen: the mean of the designs it
// was trained on, the most similar one of them, Gaussian processes over a few numbers of each design.

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "geometry/descriptors.hpp"
#include "mesh_io/h5/dataset.hpp"

namespace streamtube::solver {

struct Baseline {
  std::string name;            // "mean", "nearest", "gp_descriptors", "gp_parameters"
  std::string meaning;         // in words
  std::vector<double> cd, cl;  // [evaluated cases]
};

// Of every case that has been asked for, once.
class Baselines {
 public:
  // `parameters`: of the cases that the model is conditioned on, further features beside the descriptors.
  Baselines(const mesh_io::Dataset& data, std::vector<std::string> parameters);

  // Predictions for `cases`, made from `training` (indices of the data set). Features of the descriptors' process and
  // of the nearest design: geometry/descriptors.hpp, ground clearance over length (lowest z), log10 of the Reynolds
  // number with the length along the flow, the parameters asked for. Of the parameters' process: all parameters that
  // every case has (by their logarithm where they are positive and span more than a factor of 5) and the Reynolds
  // number. What cannot be had is left out, with a line in notes(): processes need kLeast designs, all need Cd and Cl.
  std::vector<Baseline> predict(std::span<const std::size_t> training, std::span<const std::size_t> cases);
  const std::vector<std::string>& notes() const { return notes_; }

  static constexpr std::size_t kLeast = 8;
  static constexpr std::size_t kMost = 2000;  // designs a process is made from; evenly out of more

 private:
  const std::vector<double>& shape(std::size_t index);  // features by descriptors
  std::vector<double> parameters(std::size_t index);    // and log10 of the Reynolds number
  double log_reynolds(std::size_t index);
  void note(const std::string& text);

  const mesh_io::Dataset& data_;
  std::vector<std::string> conditions_, names_;  // names_: parameters that every case has
  std::map<std::size_t, std::vector<double>> shapes_;
  std::map<std::size_t, double> lengths_;  // m, along the flow
  std::vector<std::string> notes_;
};

// The training cases of a model by their names, as indices of the data set; those that it lacks are left out.
std::vector<std::size_t> cases_named(const mesh_io::Dataset& data, std::span<const std::string> names);

// What the data say about the worth of their own labels: entries of `quality` that begin with "Cd_std" or "Cl_std",
// standard deviations of the solver's coefficient while it was averaged.
struct LabelScatter {
  std::size_t cases = 0;        // that have it
  double rms = 0, largest = 0;  // of the coefficient
};
std::map<std::string, LabelScatter> label_scatter(const mesh_io::Dataset& data, std::span<const std::size_t> cases);

}  // namespace streamtube::solver
