#include "physics/cell_vorticity.hpp"

#include <algorithm>
#include <cmath>

namespace streamtube::physics {
namespace {

constexpr double kLeastHeight = 0.25;  // sizes; what lies closer to a wall than half of it is taken for a cell so high
constexpr double kUpright = 0.7;       // cosine from which on an arm is taken to meet the ground head on

// How far below a centre the next one lies, where a wall is `distance` away: cells between get thinner.
double arm_to_wall(double size, double distance) {
  return distance >= 1.5 * size ? size : std::max(0.5 * distance + 0.25 * size, 0.0);
}

// Two unit vectors across n.
std::array<Vec3, 2> tangents(const Vec3& n) {
  const Vec3 other = std::abs(n[0]) < 0.6 ? Vec3{1, 0, 0} : Vec3{0, 1, 0};
  const Vec3 across = cross(n, other);
  const Vec3 first = (1 / norm(across)) * across;
  return {first, cross(n, first)};
}

// Lengths of the arms along +axis and -axis, shortened at the ground.
std::array<double, 2> lengths(const Vec3& axis, double size, double height) {
  std::array<double, 2> out = {size, size};
  const double along = std::abs(axis[2]), to_ground = std::max(height, 0.0);
  if (along > kUpright && height < kFirstCell * size)  // first cell on the ground: up to its upper face
    out[0] = out[1] = std::max(to_ground, kLeastHeight * size / 2) / along;
  for (std::size_t side = 0; side < 2; ++side) {
    const double down = side == 0 ? -axis[2] : axis[2];
    if (down <= 0) continue;
    if (along > kUpright) out[side] = std::min(out[side], arm_to_wall(size, height));
    out[side] = std::min(out[side], to_ground / down);
  }
  return out;
}

}  // namespace

CellStencil cell_stencil(const Vec3& center, double size, double wall_distance, const Vec3& wall_direction,
                         double ground) {
  CellStencil out;
  if (touches_wall(size, wall_distance)) {
    const double height = std::max(2 * wall_distance, kLeastHeight * size);
    out.arms[0] = {(height - wall_distance) * wall_direction, (1 / height) * wall_direction};
    out.count = 1;
    return out;
  }
  std::array<Vec3, 3> axes = {Vec3{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  const double steepest =
      std::max({std::abs(wall_direction[0]), std::abs(wall_direction[1]), std::abs(wall_direction[2])});
  const bool near = wall_distance - steepest * size < kLeastHeight * size;  // an arm would end at the wall or behind it
  if (near) {
    const auto across = tangents(wall_direction);
    axes = {wall_direction, across[0], across[1]};
  }
  for (std::size_t k = 0; k < 3; ++k) {
    auto arm = lengths(axes[k], size, center[2] - ground);
    if (near && k == 0) arm[1] = std::min(arm[1], arm_to_wall(size, wall_distance));
    const double over = arm[0] + arm[1];
    if (!(over > 0)) continue;
    out.arms[static_cast<std::size_t>(out.count++)] = {arm[0] * axes[k], (1 / over) * axes[k]};
    out.arms[static_cast<std::size_t>(out.count++)] = {-arm[1] * axes[k], (-1 / over) * axes[k]};
  }
  return out;
}

double lowest_face(std::span<const Vec3> centers, std::span<const float> volumes) {
  double low = HUGE_VAL;
  for (std::size_t i = 0; i < centers.size(); ++i)
    low = std::min(low, centers[i][2] - std::cbrt(double{volumes[i]}) / 2);
  return low < HUGE_VAL ? low : -HUGE_VAL;
}

}  // namespace streamtube::physics
