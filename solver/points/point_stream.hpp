#pragma once
// Fields at any number of points: read, computed and written piece by piece, so that memory does not grow with them.
// Three stages work at a time, on threads of their own: positions are read and checked, the network answers (on the
// calling thread, the only one that meets the device), fields are decoded and written. A fixed number of blocks of
// rows goes round between them. Several processes take a share each and write into the same file.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/processes.hpp"
#include "mesh_io/h5/point_file.hpp"
#include "mesh_io/h5/vtkhdf.hpp"
#include "solver/field_columns.hpp"
#include "solver/points/prepared_case.hpp"
#include "surrogate/model/field_predictor.hpp"

namespace streamtube::solver {

struct PointsAnswer {
  std::size_t points[2] = {0, 0};  // surface, volume
  std::size_t no_flow = 0;         // of the volume, without a value
  std::optional<Forces> forces;    // over the surface points, where the file has their areas
  std::vector<std::pair<std::string, double>> seconds;
};

class PointStream {
 public:
  // All of these outlive it. Error(input) when the file cannot be what it says, Error(usage) for derived fields
  // without volume points. derive, vorticity: as in a Case. placement: from the frame of the points (m) to the model's;
  // vectors and tensors, and the axes of the forces, come back in that of the points. model_scale: as in a Case.
  PointStream(const surrogate::Checkpoint& checkpoint, const mesh_io::PointFile& points,
              std::vector<physics::Derived> derive, const std::optional<physics::Decoder>& vorticity,
              const core::Processes& processes, const geometry::Similarity& placement = {}, double model_scale = 1);

  // Volume points at which this is true get no value (nan): where no flow is. Without: those beneath the ground of the
  // model's domain. Positions in the model's frame, m; called by one thread.
  void leave_out(std::function<bool(const Vec3&)> no_flow) { no_flow_ = std::move(no_flow); }

  // Reads every position once: Error(input) for one that is not finite or where the network has no positions, naming
  // it. Tells how many volume points lie outside of the training data's domain. Collective.
  std::vector<Extrapolation> check() const;
  // Bytes of the files that run() writes.
  std::uint64_t output_size() const;
  // Of which the file has points.
  std::vector<physics::Branch> branches() const;
  std::size_t points(physics::Branch branch) const { return points_.points(branch); }
  // What is written of a branch.
  std::vector<mesh_io::VtkhdfField> fields(physics::Branch branch) const;

  // Fields of the case that `network` was encoded with. out[branch]: VTKHDF file to write, `name` of it in messages is
  // the same on all processes. Positions of the output are those of the point file, rounded to float32; forces are sums
  // over blocks in their order, whatever the number of processes. Throws core::Interrupted on Ctrl-C. Collective.
  PointsAnswer run(const PreparedCase& prepared, surrogate::Surrogate& network, const std::string (&out)[2],
                   const std::vector<std::pair<std::string, std::string>>& metadata) const;

 private:
  struct Block;
  // Rows in the unit of the file, as positions in the model's frame, m.
  void to_model(std::span<const double> raw, std::vector<Vec3>& xyz) const;
  std::vector<Vec3> normals(const Block& block, const PreparedCase& prepared) const;
  // Blocks [first, end) of a branch that are this process's.
  std::pair<std::size_t, std::size_t> share(physics::Branch branch, std::size_t rows) const;
  void stream(physics::Branch branch, const PreparedCase& prepared, surrogate::Surrogate& network,
              const std::string& out, std::vector<double>& forces, double& no_flow) const;

  surrogate::Checkpoint world_;  // without weights
  const mesh_io::PointFile& points_;
  std::vector<physics::Derived> derive_;
  physics::Normalizer normalizer_;
  geometry::Similarity placement_;
  const core::Processes& processes_;
  std::function<bool(const Vec3&)> no_flow_;
};

}  // namespace streamtube::solver
