#include "solver/case.hpp"

#include "core/error.hpp"

namespace streamtube::solver {

std::string to_text(const Extrapolation& e) {
  if (e.quantity == "volume_points_outside_domain")
    return core::str(e.value, " volume points lie outside of the domain of the training data");
  std::string quantity = e.quantity;
  for (char& c : quantity)
    if (c == '_') c = ' ';
  const std::string unit = e.unit.empty() || e.unit == "-" ? "" : " " + e.unit;
  return core::str(quantity, " is ", e.value, unit, "; the training data has ", e.min, " to ", e.max, unit);
}

std::array<AxleLift, 2> axle_lift(const Forces& forces) {
  core::expect(forces.axles && forces.axles->wheelbase > 0, "axle_lift: forces without axles");
  const Axles& axles = *forces.axles;
  std::array<AxleLift, 2> out;
  const auto add = [&](const physics::Contribution& c, double AxleLift::*part) {
    // The pitching moment (nose up) about the point between the axles on the ground, over q A.
    const double moment = c.pitch * forces.scales.length + axles.above * c.drag - axles.behind * c.lift;
    out[0].*part = 0.5 * c.lift + moment / axles.wheelbase;
    out[1].*part = 0.5 * c.lift - moment / axles.wheelbase;
  };
  add(forces.coefficients.pressure, &AxleLift::pressure);
  add(forces.coefficients.friction, &AxleLift::friction);
  return out;
}

}  // namespace streamtube::solver
