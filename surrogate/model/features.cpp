#include "surrogate/model/features.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace streamtube::surrogate {
namespace {

constexpr double kLength = 250;      // network units that make a distance or a height one
constexpr double kLayer = 0.25;      // network units: where the logarithm begins to tell distances apart
constexpr double kLogarithm = 4;     // makes the logarithm of order one
constexpr double kLeastTurn = 0.05;  // network units: nearer to an edge the direction turns no faster than there

}  // namespace

SplitRows::SplitRows(std::span<const float> rows, std::size_t width) {
  const std::size_t n = rows.size() / width;
  core::expect(rows.size() == n * width, "surrogate: rows of input of another width than the network's");
  positions.resize(3 * n), features.resize((width - 3) * n);
  for (std::size_t i = 0; i < n; ++i) {
    std::copy_n(&rows[width * i], 3, &positions[3 * i]);
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(width * i + 3), width - 3,
                features.begin() + static_cast<std::ptrdiff_t>((width - 3) * i));
  }
}

std::vector<float> stack_features(std::span<const float> features, std::span<const float> jacobian, std::size_t n) {
  std::vector<float> out(features.begin(), features.end());
  out.resize(4 * features.size(), 0.0f);
  core::expect(jacobian.empty() || jacobian.size() == 3 * features.size(), "surrogate: jacobian is not [n][F][3]");
  if (jacobian.empty() || n == 0) return out;
  for (std::size_t i = 0; i < features.size(); ++i)
    for (std::size_t a = 0; a < 3; ++a) out[(1 + a) * features.size() + i] = jacobian[3 * i + a];
  return out;
}

void surface_row(const float* position, const Vec3& normal, float* row) {
  std::copy_n(position, 3, row);
  const double length = norm(normal);
  for (std::size_t a = 0; a < 3; ++a) row[3 + a] = static_cast<float>(length > 0 ? normal[a] / length : 0);
}

geometry::WallPoint wall_to_network(const physics::Normalizer& normalizer, const Vec3& xyz, geometry::WallPoint wall) {
  wall.distance *= physics::kNetworkExtent / normalizer.position_extent;
  if (normalizer.symmetric && xyz[1] < 0) wall.direction[1] = -wall.direction[1], wall.edge[1] = -wall.edge[1];
  return wall;
}

void wall_row(const float* position, const geometry::WallPoint& w, float* row, float* jacobian) {
  std::copy_n(position, 3, row);
  row[3] = static_cast<float>(w.distance / kLength);
  for (std::size_t a = 0; a < 3; ++a) row[4 + a] = static_cast<float>(w.direction[a]);
  row[7] = static_cast<float>(std::log1p(w.distance / kLayer) / kLogarithm);
  row[8] = row[2] / static_cast<float>(kLength);
  if (!jacobian) return;
  const auto turn = w.derivative(kLeastTurn);
  for (std::size_t a = 0; a < 3; ++a) {
    jacobian[a] = static_cast<float>(w.direction[a] / kLength);
    for (std::size_t d = 0; d < 3; ++d) jacobian[3 * (1 + d) + a] = static_cast<float>(turn[d][a]);
    jacobian[12 + a] = static_cast<float>(w.direction[a] / ((kLayer + w.distance) * kLogarithm));
    jacobian[15 + a] = a == 2 ? static_cast<float>(1 / kLength) : 0.0f;
  }
}

std::vector<float> NetworkInput::surface(std::span<const Vec3> xyz, std::span<const Vec3> normals) const {
  const std::size_t n = xyz.size();
  std::vector<float> position(3 * n);
  normalizer_.normalize_positions(xyz.data(), n, position.data());
  if (!config_.normals) return position;
  core::expect(normals.size() == n, "NetworkInput: not one normal for every point");
  std::vector<float> rows(6 * n);
  for (std::size_t i = 0; i < n; ++i) {
    Vec3 normal = normals[i];
    if (normalizer_.symmetric && xyz[i][1] < 0) normal[1] = -normal[1];
    surface_row(&position[3 * i], normal, &rows[6 * i]);
  }
  return rows;
}

std::vector<float> NetworkInput::volume(std::span<const Vec3> xyz) const { return volume_rows(xyz, false).values; }

NetworkRows NetworkInput::volume_with_jacobian(std::span<const Vec3> xyz) const { return volume_rows(xyz, true); }

NetworkRows NetworkInput::volume_rows(std::span<const Vec3> xyz, bool jacobian) const {
  const std::size_t n = xyz.size();
  NetworkRows out;
  std::vector<float> position(3 * n);
  normalizer_.normalize_positions(xyz.data(), n, position.data());
  if (!config_.wall_distance) {
    out.values = std::move(position);
    return out;
  }
  core::expect(wall_, "NetworkInput: no wall to measure distances to");
  std::vector<geometry::WallPoint> walls(n);
  wall_->nearest_parallel(xyz, walls);
  out.values.resize(9 * n);
  out.jacobian.resize(jacobian ? 18 * n : 0);
  for (std::size_t i = 0; i < n; ++i)
    wall_row(&position[3 * i], wall_to_network(normalizer_, xyz[i], walls[i]), &out.values[9 * i],
             jacobian ? &out.jacobian[18 * i] : nullptr);
  return out;
}

}  // namespace streamtube::surrogate
