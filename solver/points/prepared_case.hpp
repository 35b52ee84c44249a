#pragma once
// A case ready for the network: what was drawn from the body and the mesh around it, and what its coefficients refer
// to. Once it is made, nothing of the geometry is needed any more, so that a program without a mesh library can take
// it up from a file (docs/points_format.md).

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "geometry/frame.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "physics/flow.hpp"
#include "solver/case.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"

namespace streamtube::solver {

struct PreparedCase {
  std::string name;                      // of the body
  std::string model, model_fingerprint;  // it was drawn for
  std::uint64_t seed = 0;
  physics::Flow flow;
  std::vector<Vec3> points;              // [P] m, geometry points
  std::vector<std::int64_t> supernodes;  // [S] ascending indices into points
  std::vector<Vec3> anchors[2];          // [A] m, surface and volume
  Forces reference;                      // scales, axes and where they come from; no coefficients
  double reynolds_number = 0;                // with the body's length along the flow
  double model_scale = 1;                    // of the model's world, as in a Case
  std::map<std::string, double> conditions;  // as in a Case
  std::vector<Extrapolation> extrapolation;
  geometry::Similarity placement;  // from the files' frame (m) to the model's, in which all of the above is
};

// The same in network units, for Surrogate::encode. Error(usage) for a condition of the model that the case lacks.
struct NetworkCase {
  NetworkCase(const PreparedCase& prepared, const surrogate::Checkpoint& model);
  surrogate::EncodeInput input() const;
  std::vector<float> points, anchors[2], condition;
  std::vector<std::int64_t> supernodes;
};

// The group /case of a point file. Reading throws Error(input) naming the object: it is missing, not finite, out of
// range.
void write_prepared(mesh_io::H5File& file, const PreparedCase& prepared);
PreparedCase read_prepared(const mesh_io::H5File& file);
bool has_prepared(const mesh_io::H5File& file);

// From the model's frame to the files', the moments' centre in metres of the files.
physics::ForceAxes axes_to_file(const geometry::Similarity& placement, const physics::ForceAxes& axes);

// Error(input) when the model lacks the surface fields pressure and wall_shear_stress, or the volume fields pressure
// and velocity, without which there are no forces and no flow.
void check_fields(const surrogate::Checkpoint& checkpoint);
// Error(input) unless the case was prepared for this model. `where` names the case's file.
void check_prepared(const PreparedCase& prepared, const surrogate::Checkpoint& checkpoint, const std::string& where);

}  // namespace streamtube::solver
