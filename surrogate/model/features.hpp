#pragma once
// What the network sees beside positions, where its configuration says so: on surfaces outward normals, in the volume
// the nearest wall. All in network form: of order one, in the frame of the network (the side y >= 0 of a symmetric
// flow), lengths over network units, so that a similar case gives the same numbers.
//
//   surface, geometry points  n_x, n_y, n_z
//   volume                    d / 250, direction from the wall x, y, z, log(1 + 4 d) / 4, height / 250
//
// d the distance to the body and height that above the network's origin, both in network units (1000 are the extent of
// positions). The logarithm tells layers at the wall apart, from a quarter of a network unit (1.5 mm of 6 m) on.

#include <span>
#include <vector>

#include "geometry/wall_distance.hpp"
#include "physics/fields.hpp"
#include "physics/vec3.hpp"
#include "surrogate/model/config.hpp"

namespace streamtube::surrogate {

// Rows [n][width] cut into positions [n][3] and features [n][width - 3].
struct SplitRows {
  SplitRows(std::span<const float> rows, std::size_t width);
  std::vector<float> positions, features;
};
// Features [n][F] with their derivatives stacked below, [4 n][F]: values, then d/dx, d/dy, d/dz (ops/tangents.dev.hpp).
// jacobian [n][F][3]; empty: zero.
std::vector<float> stack_features(std::span<const float> features, std::span<const float> jacobian, std::size_t n);

// Rows of one point, of what is in the network's units and frame already. position [3]; row [6] or [9]; jacobian [6][3]
// of the wall's features in the position, or null.
void surface_row(const float* position, const Vec3& normal, float* row);
void wall_row(const float* position, const geometry::WallPoint& wall, float* row, float* jacobian);
// A wall's place from metres into network units, on the side that the network knows. xyz: the point.
geometry::WallPoint wall_to_network(const physics::Normalizer& normalizer, const Vec3& xyz, geometry::WallPoint wall);

// Positions with their features, row by row: [n][width] with width = 3 + features. Jacobian: of the features in the
// network position, [n][features][3]; empty where it is zero or nobody asked.
struct NetworkRows {
  std::vector<float> values, jacobian;
};

// The way of a case's points to the network's input rows.
class NetworkInput {
 public:
  // wall: of the body, in the metres of the normaliser; needed (Error(internal)) where the configuration has
  // wall_distance and volume rows are asked for. Both must live as long.
  NetworkInput(const physics::Normalizer& normalizer, const AbuptConfig& config, const geometry::WallDistance* wall)
      : normalizer_(normalizer), config_(config), wall_(wall) {}

  // Geometry points and surface points: xyz [n] m, normals [n] outward (any length; empty where the network sees none).
  std::vector<float> surface(std::span<const Vec3> xyz, std::span<const Vec3> normals) const;
  // Volume points: xyz [n] m; the nearest walls are found on all threads.
  std::vector<float> volume(std::span<const Vec3> xyz) const;
  // The same with the features' derivatives, which exact derivatives of the outputs need.
  NetworkRows volume_with_jacobian(std::span<const Vec3> xyz) const;

 private:
  NetworkRows volume_rows(std::span<const Vec3> xyz, bool jacobian) const;

  const physics::Normalizer& normalizer_;
  const AbuptConfig& config_;
  const geometry::WallDistance* wall_;
};

}  // namespace streamtube::surrogate
