#pragma once
// How good the weights of a running training are on cases it does not learn from, by what users ask for: fields, and
// drag and lift summed over the cases' own faces, with as many anchors as the finished model draws.

#include <map>
#include <string>
#include <vector>

#include "core/processes.hpp"
#include "surrogate/train/recipe.hpp"

namespace streamtube::surrogate {

class Validation {
 public:
  // Draws a fixed sample of every case; cases are shared out over the processes. deviation: of Cd and Cl over the
  // training cases, which makes errors of coefficients comparable with those of fields; 0: unknown.
  struct Deviation {
    double cd = 0, cl = 0;
  };
  Validation(const mesh_io::Dataset& data, std::vector<std::size_t> cases, const CaseWorld& world,
             const physics::Normalizer& normalizer, const AbuptConfig& config, const Recipe& recipe,
             const Deviation& deviation, const core::Processes& processes);

  ~Validation();

  // By name: "surface/pressure", ...: mean over the cases of the relative L2 error of a field; "mean" of these; where
  // the surface has pressure and wall shear stress, "Cd_mae" and "Cl_mae", "Cd_rms" and "Cl_rms" against the cases' own
  // fields on the same faces; "choice": what the best weights have least of. That is the mean of the fields' errors,
  // and for Choice::drag with the errors of drag and half those of lift (RMS over the deviation) added.
  // The same bits whatever the number of processes.
  std::map<std::string, double> errors(const Weights& weights) const;
  bool empty() const { return count_ == 0; }

 private:
  struct Case;
  void draw(const mesh_io::Dataset& data, const std::vector<std::size_t>& cases, const CaseWorld& world,
            const Recipe& recipe);
  void add_faces(const mesh_io::Dataset& data, std::size_t index, double factor, Case& to) const;
  // Errors of the fields, then Cd and Cl minus the true ones.
  std::vector<double> errors_of(Surrogate& network, const Case& one) const;

  physics::Normalizer normalizer_;
  AbuptConfig config_;
  Choice choose_by_;
  Deviation deviation_;
  const core::Processes& processes_;
  std::size_t count_;  // of cases, of all processes
  bool forces_ = false;
  std::vector<Case> cases_;
};

}  // namespace streamtube::surrogate
