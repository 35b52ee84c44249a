#pragma once
// What `solve` and `dataset generate` ask about a solution by OpenFOAM alike.

#include <limits>
#include <string>
#include <vector>

#include "solver/openfoam/openfoam_setup.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace streamtube::apps {

class OpenFoamChoices {
 public:
  // --iterations, --residual, --average, --cell, --mesh and --templates, for these options.
  std::vector<CLI::Option*> declare(CLI::App& app, solver::OpenFoamOptions& options);
  // Throws Error(usage) for numbers that are none or out of range.
  void validate(solver::OpenFoamOptions& options) const;
  bool mesh_given() const;

 private:
  double cell_ = std::numeric_limits<double>::quiet_NaN();
  std::string mesh_;
  CLI::Option *average_ = nullptr, *cell_option_ = nullptr, *mesh_option_ = nullptr;
};

// Error(usage) naming the option unless `value` is finite and positive.
void require_positive(const char* option, double value);

}  // namespace streamtube::apps
