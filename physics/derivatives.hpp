#pragma once
// What follows from the derivatives of a velocity at a point. With u in m/s and x in m every function gives SI; a
// Jacobian of u / U in 1/m gives the same divided by U (or U^2).

#include <array>
#include <string>

#include "physics/vec3.hpp"

namespace streamtube::physics {

using Jacobian = std::array<Vec3, 3>;  // [i][j] = d u_i / d x_j, 1/s

Vec3 curl(const Jacobian& j);          // vorticity, 1/s
double divergence(const Jacobian& j);  // 1/s; 0 for an incompressible flow
// S = (J + J^T) / 2 as XX YY ZZ XY YZ XZ, the order in which VTK keeps symmetric tensors, 1/s.
std::array<double, 6> strain_rate(const Jacobian& j);
// Q = (|Omega|^2 - |S|^2) / 2 with Omega = (J - J^T) / 2 and Frobenius norms, 1/s^2: positive where rotation prevails
// (Hunt, Wray & Moin 1988, CTR-S88).
double q_criterion(const Jacobian& j);
// The middle eigenvalue of S^2 + Omega^2, 1/s^2: negative in the core of a vortex (Jeong & Hussain 1995, J. Fluid Mech.
// 285). Accurate to rounding of |J|^2.
double lambda2(const Jacobian& j);

// Eigenvalues of the symmetric matrix with the upper triangle of `a`, ascending. By Jacobi rotations, so that close
// ones are as accurate as distant ones: to rounding of the largest.
Vec3 symmetric_eigenvalues(const std::array<Vec3, 3>& a);

// The quantities that can be asked for beside a model's fields.
enum class Derived { q_criterion, lambda2, strain_rate, divergence, velocity_gradient };
inline constexpr Derived kDerived[] = {Derived::q_criterion, Derived::lambda2, Derived::strain_rate,
                                       Derived::divergence, Derived::velocity_gradient};
const char* name(Derived derived);                      // "q_criterion", ...
bool parse(const std::string& name, Derived& derived);  // the inverse; false for an unknown name
int components(Derived derived);                        // 1, 1, 6, 1, 9
const char* unit(Derived derived);                      // "1/s" or "1/s^2"
// out [components]; of velocity_gradient row by row, du/dx du/dy du/dz dv/dx ..., as vtkGradientFilter gives it.
void derive(Derived derived, const Jacobian& j, float* out);

}  // namespace streamtube::physics
