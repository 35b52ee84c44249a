#include "physics/flow.hpp"

#include <cmath>

#include "core/error.hpp"

namespace streamtube::physics {

double reynolds_number(const Flow& flow, double length) { return flow.velocity * length / flow.kinematic_viscosity; }

void check(const Flow& flow) {
  auto positive = [](double value, const char* option, const char* unit) {
    if (!(value > 0) || !std::isfinite(value))
      throw core::Error(core::ErrorKind::usage, core::str(option, " ", value, ": must be a positive number of ", unit));
  };
  positive(flow.velocity, "--velocity", "m/s");
  positive(flow.density, "--density", "kg/m3");
  positive(flow.kinematic_viscosity, "--viscosity", "m2/s");
}

}  // namespace streamtube::physics
