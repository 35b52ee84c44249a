#pragma once
// What an OpenFOAM case around one body is made of: the wind tunnel, the cells, the values of the templates. The set-up
// is that of the data the default model was trained on: docs/solve.md describes it.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "geometry/feature_edges.hpp"
#include "solver/case.hpp"
#include "solver/openfoam/mirror.hpp"
#include "solver/openfoam/tail.hpp"

namespace streamtube::solver {

enum class Symmetry { automatic, half, full };

// Where cells are small. plain: on the body, coarser by a step in a wake region. car: as small as on the body also from
// the roof's end to behind the tail, and a longer and wider wake region, which halves what the size of the cells does
// to the drag of a car.
enum class MeshKind { plain, car };
inline constexpr double kRearReach = 0.12, kWakeReach = 0.70;  // of `car` behind the tail, m times the scale
const char* name(MeshKind mesh);
std::optional<MeshKind> mesh_kind(const std::string& name);  // nothing for another word

struct OpenFoamOptions {
  std::string folder;      // of the case
  bool resume = false;     // continue what is in the folder
  bool retry = true;       // a case that was rejected, with more iterations; else it is rejected again at once
  bool strict = false;     // what is doubtful is rejected, a bad mesh before it is solved; else kept and warned of
  bool mesh_only = false;  // nothing is solved
  int processes = 1;       // of MPI, for simpleFoam
  int iterations = 200;    // at most, before the averaging
  double residual = 2e-5;  // initial residuals of U and p at which the iteration ends
  int average = 120;       // iterations that are averaged where that residual was not reached
  double cell = 0;         // m, on the body; 0: 0.13 m / 16 for bodies of 0.74 to 1.48 m, else that doubled or halved
  double cell_factor = 1;  // times that size: for solving a body once more with other cells
  MeshKind mesh = MeshKind::car;
  Symmetry symmetry = Symmetry::automatic;
  bool moving_ground = true;
  double turbulence_intensity = 0.005, viscosity_ratio = 5;  // of the inflow: -, nu_t / nu
  double feature_angle = 12;                                 // degrees; edges sharper than that are kept by the mesh
  geometry::Edges features;                                  // in their place, where there are any
  std::string templates;                                     // folder of files in the place of the built-in ones
  double least_cd = 0.02, most_cd = 2, least_cl = -2, most_cl = 2;  // answers outside are doubtful
  bool progress = true;  // lines on stderr: stages, iterations, warnings as they arise
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
  std::optional<Tail> tail;  // of the mesh `car`
  MirrorGap mirror_gap;      // of the body at y = 0; with Symmetry::full it is not looked at
  double area = 0;           // m2, of the whole body where air meets it: not below the ground, nor flat on it
  double cells = 0;          // about as many, in the half model half of them
  std::size_t memory = 0;    // bytes that OpenFOAM takes, about
  physics::ReferenceScales scales;
  double moment_x = 0;
  std::vector<std::pair<std::string, std::string>> values;  // of the templates' @names@
  std::vector<std::string> warnings;                        // what will not do harm to the run, but to its result
};
// Throws Error(input) for a body that does not stand in the domain, is too large for its cells, or with Symmetry::half
// is not its own mirror image.
OpenFoamSetup openfoam_setup(const Case& question, const Forces& reference, const OpenFoamOptions& options);
// The cell size on the body, m, at which a mesh whose surface is off by the share `error` would be off by `allowed`,
// if that goes with the size. Two digits, rounded down.
double finer_cell(double cell, double error, double allowed);
// Twelve digits: what a sum of lengths has beyond them is rounding.
std::string foam_number(double x);
// For people: "230000", "0.26".
std::string two_digits(double x);

}  // namespace streamtube::solver
