#include "surrogate/model/cell_arms.hpp"

#include "core/error.hpp"
#include "physics/cell_vorticity.hpp"

namespace streamtube::surrogate {

Vec3 CellArms::vorticity(std::size_t cell, const float* velocities, std::size_t stride) const {
  Vec3 sum{0, 0, 0};
  for (std::size_t k = begin[cell]; k < begin[cell + 1]; ++k) {
    const float* u = velocities + k * stride;
    sum = sum + cross(weights[k], Vec3{u[0], u[1], u[2]});
  }
  return sum;
}

CellArms cell_arms(std::span<const Vec3> centers, std::span<const double> sizes,
                   std::span<const geometry::WallPoint> nearest, double ground) {
  core::expect(centers.size() == sizes.size() && centers.size() == nearest.size(),
               "cell_arms: not one size and one wall for every cell");
  CellArms out;
  for (std::size_t i = 0; i < centers.size(); ++i) {
    const physics::CellStencil stencil =
        physics::cell_stencil(centers[i], sizes[i], nearest[i].distance, nearest[i].direction, ground);
    for (const physics::CellArm& arm : stencil.used()) {
      out.places.push_back(centers[i] + arm.offset);
      out.weights.push_back(arm.weight);
    }
    out.begin.push_back(out.places.size());
  }
  return out;
}

}  // namespace streamtube::surrogate
