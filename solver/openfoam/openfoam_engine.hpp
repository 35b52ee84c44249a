#pragma once
// Answers a case with OpenFOAM: a RANS solution (simpleFoam, k-omega SST) on a mesh of its own around the body, as
// fields on the faces and in the cells of that mesh.

#include <memory>

#include "mesh_io/foam_file.hpp"
#include "mesh_io/h5/dataset.hpp"
#include "solver/case.hpp"
#include "solver/openfoam/openfoam_case.hpp"

namespace streamtube::solver {

// A solution as it was read back, in SI. Vectors as OpenFOAM has them, but the wall shear stress is the one by the
// fluid on the body.
struct OpenFoamSolution {
  mesh_io::PolyMesh mesh;
  mesh_io::PolyGeometry geometry;
  bool half = true;                         // y >= 0 alone
  std::size_t first_face = 0, faces = 0;    // of the body
  std::vector<double> velocity, vorticity;  // [cells][3] m/s, 1/s
  std::vector<double> pressure;             // [cells] Pa
  std::vector<double> surface_pressure;     // [faces] Pa
  std::vector<double> wall_shear_stress;    // [faces][3] Pa
  std::vector<double> yplus;                // [faces]
  // Of the whole body, means over the window, and their deviations in it.
  physics::ForceCoefficients coefficients;
  double cd_deviation = 0, cl_deviation = 0;
  double surface_area = 0, stl_area = 0;  // m2, of the whole body in the air: as it was meshed, as it was given
  std::vector<std::string> doubts;        // why it should not be relied on; also among the run's warnings
  OpenFoamRun run;
};

// What a data set keeps of a solution.
struct SampleOptions {
  std::size_t volume_points = 28000;  // drawn evenly from the cells in `box`; 0: all of them
  Box box{{-1, -1.2, 0}, {4, 1.2, 1.5}};
  std::uint64_t seed = 0;
};

class OpenFoamEngine : public Engine {
 public:
  explicit OpenFoamEngine(OpenFoamOptions options) : options_(std::move(options)) {}
  std::string name() const override { return "OpenFOAM simpleFoam, k-omega SST"; }
  Plan plan(const Case& question) const override;
  // Fields lie on the faces and in the cells of OpenFOAM's mesh; a surface that the case asks for gets those of the
  // nearest faces (Answer::mapped). Throws as run_openfoam(), Error(input) for a solution that is not finite and, with
  // OpenFoamOptions::strict, for a doubtful one: docs/solve.md says what that is.
  Answer solve(Case question) override;
  // Without making an answer of it.
  OpenFoamSolution solution(const Case& question) const;

 private:
  OpenFoamOptions options_;
};

// The case of a data set; names and parameters are the caller's.
mesh_io::FlowSample to_sample(const OpenFoamSolution& solution, const Case& question, const SampleOptions& options);
// What the data sets of this engine hold.
mesh_io::DatasetHeader openfoam_dataset_header();

}  // namespace streamtube::solver
