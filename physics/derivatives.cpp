#include "physics/derivatives.hpp"

#include <algorithm>
#include <cmath>

namespace streamtube::physics {

Vec3 curl(const Jacobian& j) { return {j[2][1] - j[1][2], j[0][2] - j[2][0], j[1][0] - j[0][1]}; }

double divergence(const Jacobian& j) { return j[0][0] + j[1][1] + j[2][2]; }

std::array<double, 6> strain_rate(const Jacobian& j) {
  return {j[0][0], j[1][1], j[2][2], 0.5 * (j[0][1] + j[1][0]), 0.5 * (j[1][2] + j[2][1]), 0.5 * (j[0][2] + j[2][0])};
}

double q_criterion(const Jacobian& j) {
  const Vec3 w = curl(j);  // |Omega|^2 = |w|^2 / 2
  const auto s = strain_rate(j);
  const double strain = s[0] * s[0] + s[1] * s[1] + s[2] * s[2] + 2 * (s[3] * s[3] + s[4] * s[4] + s[5] * s[5]);
  return 0.5 * (0.5 * dot(w, w) - strain);
}

double lambda2(const Jacobian& j) {
  // S^2 + Omega^2 is the symmetric part of J^2.
  std::array<Vec3, 3> square{}, m{};
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b)
      for (int k = 0; k < 3; ++k) square[a][b] += j[a][k] * j[k][b];
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b) m[a][b] = 0.5 * (square[a][b] + square[b][a]);
  return symmetric_eigenvalues(m)[1];
}

Vec3 symmetric_eigenvalues(const std::array<Vec3, 3>& matrix) {
  std::array<Vec3, 3> a = matrix;
  for (int i = 0; i < 3; ++i)
    for (int k = 0; k < i; ++k) a[i][k] = a[k][i];
  // Convergence is quadratic: five sweeps do for any matrix, the rest is for rounding.
  constexpr int kSweeps = 12;
  constexpr int kPairs[3][3] = {{0, 1, 2}, {0, 2, 1}, {1, 2, 0}};
  for (int sweep = 0; sweep < kSweeps && (a[0][1] != 0 || a[0][2] != 0 || a[1][2] != 0); ++sweep)
    for (const auto& [p, q, r] : kPairs) {
      if (a[p][q] == 0) continue;
      const double theta = 0.5 * (a[q][q] - a[p][p]) / a[p][q];  // may overflow to infinity: no rotation
      const double t = std::copysign(1.0, theta) / (std::abs(theta) + std::hypot(theta, 1.0));
      const double c = 1 / std::sqrt(t * t + 1), s = t * c;
      a[p][p] -= t * a[p][q], a[q][q] += t * a[p][q];
      a[p][q] = a[q][p] = 0;
      const double arp = a[r][p], arq = a[r][q];
      a[r][p] = a[p][r] = c * arp - s * arq;
      a[r][q] = a[q][r] = s * arp + c * arq;
    }
  Vec3 values{a[0][0], a[1][1], a[2][2]};
  std::sort(values.begin(), values.end());
  return values;
}

const char* name(Derived derived) {
  switch (derived) {
    case Derived::q_criterion:
      return "q_criterion";
    case Derived::lambda2:
      return "lambda2";
    case Derived::strain_rate:
      return "strain_rate";
    case Derived::divergence:
      return "divergence";
    case Derived::velocity_gradient:
      return "velocity_gradient";
  }
  return "";
}

bool parse(const std::string& text, Derived& derived) {
  for (const Derived one : kDerived)
    if (text == name(one)) return derived = one, true;
  return false;
}

int components(Derived derived) {
  return derived == Derived::velocity_gradient ? 9 : derived == Derived::strain_rate ? 6 : 1;
}

const char* unit(Derived derived) {
  return derived == Derived::q_criterion || derived == Derived::lambda2 ? "1/s^2" : "1/s";
}

void derive(Derived derived, const Jacobian& j, float* out) {
  switch (derived) {
    case Derived::q_criterion:
      *out = static_cast<float>(q_criterion(j));
      return;
    case Derived::lambda2:
      *out = static_cast<float>(lambda2(j));
      return;
    case Derived::strain_rate:
      for (const double s : strain_rate(j)) *out++ = static_cast<float>(s);
      return;
    case Derived::divergence:
      *out = static_cast<float>(divergence(j));
      return;
    case Derived::velocity_gradient:
      for (const Vec3& row : j)
        for (const double v : row) *out++ = static_cast<float>(v);
      return;
  }
}

}  // namespace streamtube::physics
