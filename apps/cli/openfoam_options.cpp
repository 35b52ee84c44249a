#include "apps/cli/openfoam_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace streamtube::apps {

using core::Error;
using core::ErrorKind;
using core::str;

void require_positive(const char* option, double value) {
  if (!(std::isfinite(value) && value > 0))
    throw Error(ErrorKind::usage, str(option, ": ", value, " is not a positive number"));
}

std::vector<CLI::Option*> OpenFoamChoices::declare(CLI::App& app, solver::OpenFoamOptions& options) {
  CLI::Option* iterations = app.add_option("--iterations", options.iterations, "At most, before the averaging")
                                ->check(CLI::Range(1, 1000000))
                                ->capture_default_str();
  CLI::Option* residual =
      app.add_option("--residual", options.residual,
                     "Initial residuals of U and p at which the iteration ends; 20 more are averaged then")
          ->capture_default_str();
  average_ = app.add_option("--average", options.average,
                            "Iterations that are averaged where the residual was not reached, behind those of "
                            "--iterations; default: 120, but no more than --iterations")
                 ->check(CLI::Range(1, 1000000));
  cell_option_ = app.add_option("--cell", cell_,
                                "Size of the cells on the body, m; default: 0.0081 for bodies of 0.74 to 1.48 m, "
                                "twice that up to 2.95 m and so on");
  mesh_option_ = app.add_option("--mesh", mesh_,
                                "car: cells as small as on the body also from the roof's end to behind the tail, and a "
                                "longer, wider wake region; plain: without these, that of the Ahmed bodies' data")
                     ->check(CLI::IsMember({"car", "plain"}));
  CLI::Option* templates =
      app.add_option("--templates", options.templates,
                     "Folder with files (system/fvSchemes, 0/U, ...) in the place of the built-in templates")
          ->check(CLI::ExistingDirectory);
  return {iterations, residual, average_, cell_option_, mesh_option_, templates};
}

void OpenFoamChoices::validate(solver::OpenFoamOptions& options) const {
  require_positive("--residual", options.residual);
  if (!(options.residual < 1))
    throw Error(ErrorKind::usage, str("--residual: ", options.residual, " is where every iteration begins"),
                "for example 2e-5");
  if (cell_option_->count() > 0) {
    require_positive("--cell", cell_);
    options.cell = cell_;
  }
  if (mesh_given()) options.mesh = *solver::mesh_kind(mesh_);
  if (average_->count() == 0) options.average = std::min(options.average, options.iterations);
}

bool OpenFoamChoices::mesh_given() const { return mesh_option_->count() > 0; }

}  // namespace streamtube::apps
