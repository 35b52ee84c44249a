#include "physics/forces.hpp"

#include "core/error.hpp"

namespace streamtube::physics {

void ForceIntegrator::add(const Vec3& position, const Vec3& normal, double area, double cp, const Vec3& cf) {
  const Vec3 arm = position - axes_.moment_center;
  const Vec3 pressure = (-cp * area) * normal, friction = area * cf;
  pressure_force_ = pressure_force_ + pressure;
  friction_force_ = friction_force_ + friction;
  pressure_moment_ = pressure_moment_ + cross(arm, pressure);
  friction_moment_ = friction_moment_ + cross(arm, friction);
}

ForceCoefficients ForceIntegrator::result(const ReferenceScales& scales) const {
  core::expect(scales.area > 0 && scales.length > 0, "ForceIntegrator: reference area and length must be positive");
  auto contribution = [&](const Vec3& force, const Vec3& moment) {
    const double a = scales.area, m = scales.area * scales.length;
    return Contribution{dot(force, axes_.drag) / a,  dot(force, axes_.lift) / a,  dot(force, axes_.side) / a,
                        dot(moment, axes_.drag) / m, dot(moment, axes_.side) / m, dot(moment, axes_.lift) / m};
  };
  return {contribution(pressure_force_, pressure_moment_), contribution(friction_force_, friction_moment_)};
}

}  // namespace streamtube::physics
