#pragma once
// Force and moment coefficients from surface fields, summed in double.
//   F = sum(-p n A + tau A);  C = F / (q A_ref);  C_M = M / (q A_ref L_ref)
// with n out of the body and tau the stress exerted BY the fluid ON the body.

#include <cstddef>
#include <vector>

#include "physics/flow.hpp"
#include "physics/vec3.hpp"

namespace streamtube::physics {

struct ForceAxes {  // unit vectors in the frame of the positions
  Vec3 drag{1, 0, 0}, side{0, 1, 0}, lift{0, 0, 1};
  Vec3 moment_center{0, 0, 0};  // m
};

struct Contribution {  // dimensionless; one for pressure, one for friction
  double drag = 0, lift = 0, side = 0;
  double roll = 0, pitch = 0, yaw = 0;  // about drag, side and lift axis
};

struct ForceCoefficients {
  Contribution pressure, friction;
  double cd() const { return pressure.drag + friction.drag; }
  double cl() const { return pressure.lift + friction.lift; }
  double cs() const { return pressure.side + friction.side; }
  double cm_roll() const { return pressure.roll + friction.roll; }
  double cm_pitch() const { return pressure.pitch + friction.pitch; }
  double cm_yaw() const { return pressure.yaw + friction.yaw; }
};

// Adds elements to running sums; result() divides by the reference quantities. Order of adding is the order of summing.
class ForceIntegrator {
 public:
  explicit ForceIntegrator(ForceAxes axes) : axes_(axes) {}
  // position m, normal unit outward, area m2, Cp and Cf (wall shear over dynamic pressure) dimensionless.
  void add(const Vec3& position, const Vec3& normal, double area, double cp, const Vec3& cf);
  ForceCoefficients result(const ReferenceScales& scales) const;

 private:
  ForceAxes axes_;
  Vec3 pressure_force_{0, 0, 0}, friction_force_{0, 0, 0}, pressure_moment_{0, 0, 0}, friction_moment_{0, 0, 0};
};

}  // namespace streamtube::physics
