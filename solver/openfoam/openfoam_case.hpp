#pragma once
// An OpenFOAM case (simpleFoam, k-omega SST) around one body on the disk, and the programs that mesh and solve it.

#include <string>
#include <utility>
#include <vector>

#include "solver/openfoam/openfoam_setup.hpp"

namespace streamtube::solver {

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

// What speaks against run_openfoam() now, before anything is written: throws what it would throw at its beginning.
void check_openfoam(const Case& question, const OpenFoamSetup& setup, const OpenFoamOptions& options);

// Writes, meshes and solves the case in options.folder, resuming where that is asked for. A file streamtube.json in the
// folder keeps what is done; it is locked meanwhile. Error(usage): the folder has a case and is not to be resumed, or
// another process works there, or the case there is another one. Error(input): a program fails on the body, the mesh
// has next to nothing of its surface, the solution diverges. Error(runtime): a program is missing, the disk is full.
// Interrupted leaves the case to be resumed.
OpenFoamRun run_openfoam(const Case& question, const OpenFoamSetup& setup, const OpenFoamOptions& options);

// Records in the case what is doubtful about its solution, and what is to be said of it.
void record_openfoam(const std::string& folder, const std::vector<std::string>& doubts,
                     const std::vector<std::string>& warnings);
// Records why the answer is rejected, and throws it as Error(input).
[[noreturn]] void reject_openfoam(const std::string& folder, const std::string& name, const std::string& reason,
                                  const std::string& hint);

// Error(runtime) naming the package unless the programs are there.
void require_openfoam(int processes);

}  // namespace streamtube::solver
