#pragma once
// An OpenFOAM case (simpleFoam, k-omega SST) around one body, and the programs that mesh and solve it. The set-up is
// that of the data the default model was trained on: docs/solve.md describes it.

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "geometry/feature_edges.hpp"
#include "solver/case.hpp"

namespace streamtube::solver {

enum class Symmetry { automatic, half, full };

struct OpenFoamOptions {
  std::string folder;      // of the case
  bool resume = false;     // continue what is in the folder
  bool retry = true;       // a case that was rejected, with more iterations; else it is rejected again at once
  bool mesh_only = false;    // nothing is solved
  int processes = 1;       // of MPI, for simpleFoam
  int iterations = 200;    // at most, before the averaging
  double residual = 2e-5;  // initial residuals of U and p at which the iteration ends
  int average = 120;       // iterations that are averaged where that residual was not reached
  double cell = 0;         // m, on the body; 0: 0.13 m / 16 for bodies of 0.74 to 1.48 m, else that doubled or halved
  Symmetry symmetry = Symmetry::automatic;
  bool moving_ground = true;
  double turbulence_intensity = 0.005, viscosity_ratio = 5;  // of the inflow: -, nu_t / nu
  double feature_angle = 12;                                 // degrees; edges sharper than that are kept by the mesh
  geometry::Edges features;                                  // in their place, where there are any
  std::string templates;                                     // folder of files in the place of the built-in ones
  double least_cd = 0.02, most_cd = 2, least_cl = -2, most_cl = 2;  // answers outside are rejected
  bool progress = true;                                             // a line on stderr for each stage
};

// The built-in templates: path in the case, content.
const std::vector<std::pair<std::string, std::string>>& openfoam_templates();

// What a case is made of; all lengths in m, in the model's frame.
struct OpenFoamSetup {
  bool half = true;  // y >= 0 alone is computed
  double base = 0.13, scale = 1;
  std::array<int, 3> blocks{};
  Box domain;
  Box body;
  physics::ReferenceScales scales;
  double moment_x = 0;
  std::vector<std::pair<std::string, std::string>> values;  // of the templates' @names@
};
// Throws Error(input) for a body that does not stand in the domain.
OpenFoamSetup openfoam_setup(const Case& question, const Forces& reference, const OpenFoamOptions& options);
// Whether the body is its own mirror image at y = 0, to 0.1 % of its length.
bool is_symmetric(const geometry::SurfaceMesh& body);

// Where simpleFoam stands, from its log as it grows.
class FoamLog {
 public:
  explicit FoamLog(std::string path) : path_(std::move(path)) {}
  // Forgets what the log had before; for a log that is appended to.
  void start_here();
  void read();                                    // what was added since the last time
  int iterations() const { return iterations_; }  // seen
  int time() const { return time_; }              // the last one
  // The initial residual of the last iteration, -1: not solved for yet. "Ux", "p", "k", ...
  double residual(const std::string& field) const;
  const std::vector<std::pair<std::string, double>>& residuals() const { return residuals_; }
  double velocity_residual() const;            // the largest of Ux, Uy, Uz
  bool diverged() const { return diverged_; }  // residuals that are not finite
  // "FOAM FATAL ERROR ...: what", empty: none.
  static std::string fatal_error(const std::string& path);

 private:
  void line(const std::string& text);
  std::string path_, rest_;
  std::size_t read_ = 0;
  int iterations_ = 0, time_ = 0;
  std::vector<std::pair<std::string, double>> residuals_;
  bool diverged_ = false;
};

// Rows of postProcessing/forces: iteration, then pressure and friction force (m4/s2, on the patch that was meshed). Of
// an iteration that was computed twice the later one.
struct ForceRow {
  double time = 0;
  Vec3 pressure{}, friction{};
};
std::vector<ForceRow> read_forces(const std::string& case_folder);

// How a run ended.
struct OpenFoamRun {
  std::string time;  // folder of the averaged fields
  int iterations = 0, averaged = 0;
  bool converged = false;  // the residual was reached
  std::vector<ForceRow> window;
  std::vector<std::pair<std::string, double>> residuals;
  std::vector<std::pair<std::string, double>> seconds;       // per stage; of stages done before, as they were then
  std::vector<std::pair<std::string, double>> mesh_quality;  // max_non_orthogonality, max_skewness
  std::vector<std::string> warnings;
};

// Writes, meshes and solves the case in options.folder, resuming where that is asked for. A file streamtube.json in the
// folder keeps what is done; it is locked meanwhile. Error(usage): the folder has a case and is not to be resumed, or
// another process works there, or the case there is another one. Error(input): a program fails on the body, the
// solution diverges. Error(runtime): a program is missing, the disk is full. Interrupted leaves the case to be resumed.
OpenFoamRun run_openfoam(const Case& question, const OpenFoamSetup& setup, const OpenFoamOptions& options);

// Records why the answer is rejected, and throws it as Error(input).
[[noreturn]] void reject_openfoam(const std::string& folder, const std::string& name, const std::string& reason,
                                  const std::string& hint);

// Error(runtime) naming the package unless the programs are there.
void require_openfoam(int processes);

}  // namespace streamtube::solver
