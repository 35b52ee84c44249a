#pragma once
// Fields to begin a RANS solution with, predicted in the cells of the user's own mesh.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mesh_io/foam_file.hpp"
#include "solver/case.hpp"
#include "solver/model_world.hpp"
#include "solver/neural/neural_engine.hpp"

namespace streamtube::solver {

// What of a mesh is what: the flow goes along +x, z is up.
struct FlowDomain {
  std::vector<std::string> body;        // patches
  std::optional<std::string> symmetry;  // of the plane y = 0, through a half body
  Box box;                              // of the mesh, m
};
// body: names of patches; empty: the walls that do not lie in a plane of the mesh's box. Throws Error(input) naming
// `where` and what the mesh has: no such patch, no wall, a symmetry plane that is none of y = 0.
FlowDomain find_flow_domain(const mesh_io::PolyMesh& mesh, const std::vector<std::string>& body,
                            const std::string& where);

struct Inflow {
  physics::Flow flow;
  double turbulence_intensity = 0.005, viscosity_ratio = 5;
  std::map<std::string, double> conditions;  // as in a Case
};

// Per cell, SI; the pressure is over the density.
struct InitialFields {
  std::vector<double> velocity;       // [cells][3] m/s
  std::vector<double> pressure;       // [cells] m2/s2
  std::vector<double> k, omega, nut;  // [cells] m2/s2, 1/s, m2/s
  ModelScale scale;                   // of the model's world
  double length = 0;                  // m, of the body
  std::size_t outside = 0;            // cells beyond the model's domain, where the prediction fades into the inflow
  std::vector<Extrapolation> extrapolation;
  std::vector<std::string> warnings;
};

// Velocity and pressure are the model's. The turbulence follows from the velocity's gradient on the mesh (Gauss): a
// mixing length, of Prandtl at the body and a share of its height away from it, and Bradshaw's ratio of shear stress to
// k; nowhere less than the inflow's. Throws what NeuralEngine::solve() throws.
InitialFields predict_initial_fields(const surrogate::Checkpoint& model, NeuralEngine& engine,
                                     const mesh_io::PolyMesh& mesh, const FlowDomain& domain, const Inflow& inflow,
                                     const std::string& where);

}  // namespace streamtube::solver
