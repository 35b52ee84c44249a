#pragma once
// From what a network says to fields, the one way for every command: decoders, normalisation, sides of a symmetric
// flow, and the derivatives of the velocity. Host code.

#include <span>
#include <vector>

#include "physics/fields.hpp"
#include "physics/vec3.hpp"
#include "surrogate/model/surrogate.hpp"

namespace streamtube::surrogate {

// Step, network units, of the central differences that give the velocity's derivatives where the velocity is itself a
// derivative (Decoder::potential). Their error is of second order in the step and, from the rounding of float32, of
// order one over it. Both are alike here: measured on outputs of the built-in model read as a potential, in parts of
// |J|, 1e-4 and 2e-4 at half of the points, 5e-4 together at nine of ten. A power of two moves positions exactly.
inline constexpr float kPotentialStep = 1.0f / 64;

// Values in network units, with potentials already turned into velocities; linear in the network's outputs, so that
// answers of several draws may be averaged before they are decoded.
struct NetworkAnswer {
  std::vector<float> values;             // [n][components of the branch]
  std::vector<float> velocity_gradient;  // [n][3][3] d u_i / d x_j per network unit; empty where nothing needs it
};

class FieldPredictor {
 public:
  // reference_length: of the case, m. A dimensionless vorticity is that of u / U times this length.
  FieldPredictor(const physics::Normalizer& normalizer, double reference_length);

  const physics::Normalizer& normalizer() const { return normalizer_; }
  // Do fields of the branch need derivatives of the network (a decoder other than direct)?
  bool differentiates(Branch branch) const;

  // Asks an encoded network at rows of input [n][width] (NetworkInput makes them). velocity_gradient: wanted also where
  // no field needs it; the branch must have a velocity then. Plain queries where nothing needs derivatives, else
  // Surrogate::query_gradient: exact, except for the gradient of a velocity of Decoder::potential, which is a central
  // difference of exact velocities.
  // jacobian: of the rows' features, as Surrogate::query_gradient takes it; needed where derivatives are.
  void query(Surrogate& network, Branch branch, std::span<const float> rows, bool velocity_gradient,
             NetworkAnswer& answer, std::span<const float> jacobian = {}) const;

  // In place: values become dimensionless fields, the gradient that of the dimensionless velocity per metre. xyz [n] m,
  // the places, for the sides of a symmetric flow; empty: all stay on the side that the network knows.
  void decode(Branch branch, std::span<const Vec3> xyz, NetworkAnswer& answer) const;

 private:
  physics::Normalizer normalizer_;
  double reference_length_;
};

}  // namespace streamtube::surrogate
