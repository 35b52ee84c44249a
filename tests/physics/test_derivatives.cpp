#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <functional>
#include <numbers>

#include "core/rng.hpp"
#include "physics/derivatives.hpp"

using namespace streamtube;
using namespace streamtube::physics;
using Catch::Approx;

namespace {

using Matrix = std::array<Vec3, 3>;

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c{};
  for (int i = 0; i < 3; ++i)
    for (int k = 0; k < 3; ++k)
      for (int m = 0; m < 3; ++m) c[i][k] += a[i][m] * b[m][k];
  return c;
}
// (a + factor * b^T) / 2
Matrix half(const Matrix& a, double factor) {
  Matrix c{};
  for (int i = 0; i < 3; ++i)
    for (int k = 0; k < 3; ++k) c[i][k] = 0.5 * (a[i][k] + factor * a[k][i]);
  return c;
}
double frobenius2(const Matrix& a) { return dot(a[0], a[0]) + dot(a[1], a[1]) + dot(a[2], a[2]); }
double determinant(const Matrix& a) { return dot(a[0], cross(a[1], a[2])); }

// The root of a decreasing-increasing cubic: eigenvalues by bisection of the characteristic polynomial between its
// stationary points, slow and independent of what is tested.
Vec3 eigenvalues_by_bisection(const Matrix& m) {
  const double trace = m[0][0] + m[1][1] + m[2][2];
  const auto polynomial = [&](double x) {
    Matrix shifted = m;
    for (int i = 0; i < 3; ++i) shifted[i][i] -= x;
    return determinant(shifted);  // +inf at -inf, -inf at +inf
  };
  double minors = 0;
  for (int i = 0; i < 3; ++i)
    for (int k = i + 1; k < 3; ++k) minors += m[i][i] * m[k][k] - m[i][k] * m[k][i];
  // p' = -3 x^2 + 2 trace x - minors
  const double root = std::sqrt(std::max(0.0, trace * trace - 3 * minors));
  const double size = std::sqrt(frobenius2(m)) + 1e-300;
  const double ends[4] = {-2 * size, (trace - root) / 3, (trace + root) / 3, 2 * size};
  Vec3 out{};
  for (int i = 0; i < 3; ++i) {
    double low = ends[i], high = ends[i + 1];
    const bool falling = i != 1;
    for (int step = 0; step < 200; ++step) {
      const double x = 0.5 * (low + high);
      ((polynomial(x) > 0) == falling ? low : high) = x;
    }
    out[static_cast<std::size_t>(i)] = 0.5 * (low + high);
  }
  return out;
}

Jacobian random_jacobian(core::Rng& rng, double size = 1) {
  Jacobian j;
  for (Vec3& row : j)
    for (double& v : row) v = size * (2 * rng.uniform() - 1);
  return j;
}

using Field = std::function<Vec3(const Vec3&)>;
Jacobian differentiate(const Field& u, const Vec3& x, double h = 1e-5) {
  Jacobian j;
  for (int k = 0; k < 3; ++k) {
    Vec3 forth = x, back = x;
    forth[k] += h, back[k] -= h;
    const Vec3 d = (1 / (2 * h)) * (u(forth) - u(back));
    for (int i = 0; i < 3; ++i) j[i][k] = d[i];
  }
  return j;
}

}  // namespace

TEST_CASE("rigid rotation: vorticity is twice the angular velocity, no strain, Q and lambda2 by hand") {
  const Vec3 omega{0.3, -2, 1.1};  // u = omega x r
  const Jacobian j = {{{0, -omega[2], omega[1]}, {omega[2], 0, -omega[0]}, {-omega[1], omega[0], 0}}};
  for (int i = 0; i < 3; ++i) CHECK(curl(j)[i] == 2 * omega[i]);
  CHECK(divergence(j) == 0);
  for (const double s : strain_rate(j)) CHECK(s == 0);
  // |Omega|^2 = 2 |omega|^2; Omega^2 has the eigenvalues 0 and twice -|omega|^2.
  CHECK(q_criterion(j) == Approx(dot(omega, omega)));
  CHECK(lambda2(j) == Approx(-dot(omega, omega)));
}

TEST_CASE("pure shear is neither: Q and lambda2 vanish") {
  const Jacobian j = {{{0, 3, 0}, {0, 0, 0}, {0, 0, 0}}};  // u = 3 y
  CHECK(curl(j) == Vec3{0, 0, -3});
  CHECK(strain_rate(j) == std::array<double, 6>{0, 0, 0, 1.5, 0, 0});
  CHECK(q_criterion(j) == 0);
  CHECK(lambda2(j) == 0);
}

TEST_CASE("strain without rotation: Q negative, lambda2 positive") {
  const Jacobian j = {{{2, 0, 0}, {0, -0.5, 0}, {0, 0, -1.5}}};
  CHECK(curl(j) == Vec3{0, 0, 0});
  CHECK(divergence(j) == 0);
  CHECK(strain_rate(j) == std::array<double, 6>{2, -0.5, -1.5, 0, 0, 0});
  CHECK(q_criterion(j) == Approx(-0.5 * (4 + 0.25 + 2.25)));
  CHECK(lambda2(j) == Approx(2.25));  // of 4, 0.25, 2.25
}

TEST_CASE("strain rate: every entry in VTK's place") {
  const Jacobian j = {{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}};
  CHECK(strain_rate(j) == std::array<double, 6>{1, 5, 9, 3, 7, 5});
}

TEST_CASE("a Burgers vortex: vorticity, and where Q and lambda2 change sign") {
  // u_r = -a r / 2, u_z = a z, u_theta = G / (2 pi r) (1 - exp(-a r^2 / 4 nu)): a Lamb-Oseen vortex held by strain.
  const double a = 0.8, nu = 0.05, circulation = 6;
  const Field u = [&](const Vec3& x) -> Vec3 {
    const double r2 = x[0] * x[0] + x[1] * x[1];
    const double swirl = circulation / (2 * std::numbers::pi) * -std::expm1(-a * r2 / (4 * nu)) / r2;  // u_theta / r
    return {-0.5 * a * x[0] - swirl * x[1], -0.5 * a * x[1] + swirl * x[0], a * x[2]};
  };
  for (const Vec3& x : {Vec3{0.1, 0.2, 0.3}, Vec3{-0.4, 0.3, 1}, Vec3{0.6, -0.7, -2}}) {
    const Jacobian j = differentiate(u, x);
    const double r2 = x[0] * x[0] + x[1] * x[1];
    const double vorticity = circulation * a / (4 * std::numbers::pi * nu) * std::exp(-a * r2 / (4 * nu));
    CHECK(curl(j)[0] == Approx(0).margin(1e-8));
    CHECK(curl(j)[1] == Approx(0).margin(1e-8));
    CHECK(curl(j)[2] == Approx(vorticity).epsilon(1e-7).margin(1e-8));
    CHECK(divergence(j) == Approx(0).margin(1e-8));
    // In the plane, with s = u_theta / r and the vorticity w: du_theta/dr = w - s, and by hand Q = s (w - s) - 3 a^2
    // / 4.
    const double s = circulation / (2 * std::numbers::pi) * -std::expm1(-a * r2 / (4 * nu)) / r2;
    CHECK(q_criterion(j) == Approx(s * (vorticity - s) - 0.75 * a * a).epsilon(1e-6).margin(1e-7));
  }
  CHECK(lambda2(differentiate(u, {0.05, 0, 0})) < 0);
  CHECK(q_criterion(differentiate(u, {0.05, 0, 0})) > 0);
  CHECK(lambda2(differentiate(u, {3, 0, 0})) > 0);
  CHECK(q_criterion(differentiate(u, {3, 0, 0})) < 0);
}

TEST_CASE("random Jacobians against the definitions by brute force") {
  core::Rng rng(5, "jacobians");
  for (int n = 0; n < 300; ++n) {
    const double size = std::pow(10.0, n % 7 - 3);
    const Jacobian j = random_jacobian(rng, size);
    const Matrix s = half(j, 1), omega = half(j, -1);
    CHECK(q_criterion(j) == Approx(0.5 * (frobenius2(omega) - frobenius2(s))).margin(1e-14 * size * size));
    Matrix m = product(s, s);
    const Matrix o = product(omega, omega);
    for (int i = 0; i < 3; ++i)
      for (int k = 0; k < 3; ++k) m[i][k] += o[i][k];
    CHECK(lambda2(j) == Approx(eigenvalues_by_bisection(m)[1]).margin(1e-12 * size * size));
  }
}

TEST_CASE("eigenvalues: close and equal ones, huge and tiny ones, none lost") {
  core::Rng rng(6, "eigenvalues");
  for (int n = 0; n < 200; ++n) {
    // Q diag(v) Q^T with Q of a random rotation: the eigenvalues are known.
    Vec3 v{1, 1 + std::pow(10.0, -(n % 16)), n % 3 == 0 ? 1.0 : -2 * rng.uniform()};
    const double size = std::pow(10.0, 10 * (n % 5) - 20);
    for (double& x : v) x *= size;
    Vec3 a{rng.uniform() - 0.5, rng.uniform() - 0.5, rng.uniform() - 0.5}, b{rng.uniform(), -rng.uniform(), 0.3};
    a = (1 / norm(a)) * a;
    b = b - dot(a, b) * a;
    b = (1 / norm(b)) * b;
    const Matrix axes = {a, b, cross(a, b)};
    Matrix m{};
    for (int i = 0; i < 3; ++i)
      for (int k = 0; k < 3; ++k)
        for (int e = 0; e < 3; ++e) m[i][k] += v[e] * axes[e][i] * axes[e][k];
    std::sort(v.begin(), v.end());
    const Vec3 found = symmetric_eigenvalues(m);
    for (int i = 0; i < 3; ++i) CHECK(found[i] == Approx(v[i]).margin(2e-15 * size));
  }
  CHECK(symmetric_eigenvalues({{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}}) == Vec3{0, 0, 0});
  CHECK(symmetric_eigenvalues({{{3, 0, 0}, {0, -1, 0}, {0, 0, 2}}}) == Vec3{-1, 2, 3});
}

TEST_CASE("derived quantities: names, sizes, units, values") {
  core::Rng rng(7, "derived");
  const Jacobian j = random_jacobian(rng);
  for (const Derived one : kDerived) {
    Derived back{};
    CHECK(parse(name(one), back));
    CHECK(back == one);
    float out[10];
    std::fill(out, out + 10, 77.0f);
    derive(one, j, out);
    CHECK(out[components(one)] == 77.0f);
    CHECK(out[components(one) - 1] != 77.0f);
  }
  Derived unchanged = Derived::lambda2;
  CHECK_FALSE(parse("lambda", unchanged));
  CHECK(unchanged == Derived::lambda2);
  float out[9];
  derive(Derived::velocity_gradient, j, out);
  CHECK(out[1] == static_cast<float>(j[0][1]));  // du/dy
  CHECK(out[3] == static_cast<float>(j[1][0]));  // dv/dx
  CHECK(std::string(unit(Derived::q_criterion)) == "1/s^2");
  CHECK(std::string(unit(Derived::strain_rate)) == "1/s");
}
