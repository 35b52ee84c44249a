#pragma once
// Inflow, fluid and the reference quantities that make fields dimensionless.

#include <string>

namespace streamtube::physics {

// The flow a user asks for. SI.
struct Flow {
  double velocity = 0;             // m/s, free stream, along +x of the model's frame
  double density = 1.225;          // kg/m3
  double kinematic_viscosity = 0;  // m2/s
};

// What fields are made dimensionless with. SI.
struct ReferenceScales {
  double velocity = 1;  // m/s
  double density = 1;   // kg/m3
  double length = 1;    // m, for vorticity, moments and the Reynolds number
  double area = 1;      // m2, for force coefficients
  double dynamic_pressure() const { return 0.5 * density * velocity * velocity; }  // Pa
};

double reynolds_number(const Flow& flow, double length);

// Throws Error(usage) unless every number is finite and positive; the message names the option.
void check(const Flow& flow);

}  // namespace streamtube::physics
