#pragma once
// A question to an engine (a body in a flow, and what is wanted of it) and its answer. Every engine answers the same
// case in the same form, so that answers can be compared.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "geometry/descriptors.hpp"
#include "geometry/surface_mesh.hpp"
#include "geometry/surface_report.hpp"
#include "geometry/volume_mesh.hpp"
#include "physics/derivatives.hpp"
#include "physics/fields.hpp"
#include "physics/flow.hpp"
#include "physics/forces.hpp"

namespace streamtube::solver {

enum class Location { cells, vertices };
enum class VolumeOutput { none, adaptive, grid, mesh };

struct Case {
  geometry::SurfaceMesh body;      // m, prepared (geometry::prepare), repaired where it needed to be
  geometry::SurfaceReport report;  // of the body
  std::string name;                // of the body, for messages

  // Where surface fields are wanted and forces integrated; the body itself without.
  std::optional<geometry::SurfaceMesh> surface;
  std::string surface_name;
  bool forces_on_body = false;  // integrated over the body all the same: `surface` was refined or repaired to be it
  std::vector<char> no_forces;  // [F of body] faces left out then, such as lids on the ground; empty: none
  std::vector<char> hidden;     // [F of surface] faces that no flow reaches, to be marked in the answer; empty: none
  VolumeOutput volume = VolumeOutput::none;
  double grid_cell = 0;              // m, VolumeOutput::grid; 0: a fortieth of the body's length
  geometry::VolumeMesh volume_mesh;  // VolumeOutput::mesh: cells to fill
  std::string volume_name;
  bool keep_inside = false;  // of VolumeOutput::mesh: also within the body and beneath the ground, where no flow is
  Location points_on = Location::cells;
  std::vector<Vec3> probes;          // m, further points at which velocity and pressure are wanted
  geometry::VolumeMesh sample_mesh;  // points (with any cells) at which all volume fields are wanted too; may be empty
  // Volume fields to be derived from the velocity's exact Jacobian, in SI beside the model's own.
  std::vector<physics::Derived> derive;
  std::optional<physics::Decoder> vorticity;  // direct or curl, in the place of what the model says
  // m: vorticity as the mean over cells so large (physics/cell_vorticity.hpp), from the model's velocity; 0: as
  // `vorticity` says. own_cells: over each cell of the volume's mesh, in its own size, where fields are on cells.
  double vorticity_cell = 0;
  bool vorticity_of_own_cells = false;
  bool vorticity_by_cells() const { return vorticity_cell > 0 || vorticity_of_own_cells; }

  physics::Flow flow;
  // The model's world is that many times as large as it was trained (surrogate::Checkpoint::at_scale). All lengths
  // here, and all of the answer, are the user's own.
  double model_scale = 1;
  std::map<std::string, double> conditions;    // what a conditioned model is told beside the Reynolds number
  double reference_area = 0;                   // m2; 0: the body's frontal area
  double reference_length = 0;                 // m; 0: the body's length along the flow
  std::optional<Vec3> moment_center;           // m; the middle of the body's length and width on the ground without
  std::optional<std::array<double, 2>> axles;  // x of the front and the rear one, m: lift is told at both
  std::uint64_t seed = 0;
  std::size_t draws = 1;  // of geometry points and anchors (seed, seed + 1, ...), over which answers are averaged
};

// A quantity of the case outside of what the model was trained on.
struct Extrapolation {
  std::string quantity, unit;
  double value = 0, min = 0, max = 0;
};
std::string to_text(const Extrapolation& extrapolation);

// What one patch of the surface adds to the forces, in the reference quantities of the whole.
struct PatchForces {
  std::string name;
  double area = 0;  // m2
  physics::ForceCoefficients coefficients;
};

// Where lift is told apart at two axles, which stand on the ground: from the moment about the point between them.
struct Axles {
  double wheelbase = 0;          // m
  double behind = 0, above = 0;  // m, of the moment's centre from the middle of the wheelbase on the ground
};

struct Forces {
  physics::ForceCoefficients coefficients;
  std::vector<PatchForces> patches;  // in the order of the surface's patch names; they add up to the coefficients
  physics::ReferenceScales scales;
  physics::ForceAxes axes;
  std::string area_source, length_source;  // how the reference quantities were obtained
  std::optional<Axles> axles;
  std::size_t integration_points = 0;
  std::vector<physics::ForceCoefficients> draws;    // of every draw alone, where there are several
  std::vector<physics::ForceCoefficients> members;  // of every network of the model alone, where there are several
};

// Coefficients of the lift at the front and rear axle, each of pressure and of friction: a body on two axles that
// carries lift, drag and pitching moment. They add up to Cl. The forces must have axles.
struct AxleLift {
  double pressure = 0, friction = 0;
  double total() const { return pressure + friction; }
};
std::array<AxleLift, 2> axle_lift(const Forces& forces);

// What an engine would do.
struct Plan {
  std::vector<std::pair<std::string, std::string>> lines;  // what, how much
  std::size_t surface_points = 0, volume_points = 0;       // volume_points: 0 where only the run tells
  std::size_t memory = 0;                                  // bytes beside the input itself
  std::vector<Extrapolation> extrapolation;
  std::optional<geometry::ShapeDistance> similarity;
  std::vector<std::string> warnings;
  std::vector<core::Error> refusals;  // what solve() would throw here and now
};

struct Answer {
  geometry::SurfaceMesh surface;  // with the fields as attributes, SI and dimensionless
  // Of an engine with a mesh of its own: the case's surface with what is nearest; else empty.
  geometry::SurfaceMesh mapped;
  geometry::VolumeMesh volume;   // empty for VolumeOutput::none
  geometry::VolumeMesh samples;  // the case's sample_mesh with the volume fields on its points
  // Volume fields at the probes, SI: [probes] each.
  std::vector<Vec3> probe_velocity;
  std::vector<double> probe_pressure;
  Forces forces;
  double reynolds_number = 0;
  std::vector<Extrapolation> extrapolation;
  std::optional<geometry::ShapeDistance> similarity;  // to the training data; nothing where the model cannot tell
  std::vector<std::string> warnings;
  std::vector<std::string> doubts;                      // of these: why the answer should not be relied on
  std::vector<std::pair<std::string, double>> seconds;  // per stage, in order
  std::string volume_source;                            // what the volume mesh is, in words
  std::map<std::string, double> solution;               // of an engine that iterates: iterations, residuals, y+, ...
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string name() const = 0;
  // Throws what solve() would throw for a case it cannot take, before any work is done.
  virtual Plan plan(const Case& question) const = 0;
  // Consumes the meshes of the case. Throws core::Interrupted on Ctrl-C.
  virtual Answer solve(Case question) = 0;
};

}  // namespace streamtube::solver
