#pragma once
// Coefficients and conditions of a result as its own files state them, and what tells two results apart.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/json_fwd.hpp"

namespace streamtube::apps {

struct StatedCoefficient {
  double total = 0;
  std::optional<std::array<double, 2>> split;  // pressure, friction
  std::vector<double> of_member;               // what each network of the model says, where it has several
};
using StatedCoefficients = std::map<std::string, StatedCoefficient>;  // Cd, Cl, Cs, Cm_pitch, ...

struct StatedResult {
  double velocity = 0, density = 0, area = 0;  // m/s, kg/m3, m2; 0: not known
  std::string model;                           // its fingerprint; empty: of no network
  StatedCoefficients of_body;
  std::vector<std::pair<std::string, StatedCoefficients>> of_parts;  // in the order of the file
  double dynamic_pressure() const { return 0.5 * density * velocity * velocity; }
};

// What forces.json of predict, sweep and solve says; without it case.json of the solved cases in data_samples, else the
// density in run.json.
StatedResult read_stated(const std::string& folder);

// The one minus the reference of a coefficient that both state.
struct Delta {
  std::string name;
  double one = 0, reference = 0;
  std::optional<std::array<double, 2>> split;  // pressure, friction
  // Standard deviation of the difference over the members of the model that made both: what they have wrong in common
  // is not in it.
  std::optional<double> deviation;
  double total() const { return one - reference; }
  core::Json json() const;
};

std::vector<Delta> deltas(const StatedResult& one, const StatedResult& reference);
// Of parts that both have, where there are several; also of the one part that each has and the other lacks, a variant
// of another name.
std::vector<std::pair<std::string, std::vector<Delta>>> parts_deltas(const StatedResult& one,
                                                                     const StatedResult& reference);

// drag, lift, side in N from the coefficients, at the conditions of another result; empty where its files do not say
// all.
std::map<std::string, double> stated_forces(const StatedResult& result, const StatedResult& at);

}  // namespace streamtube::apps
