#include "geometry/morph.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace streamtube::geometry {
namespace {

using core::expect;

// 0 to 1 with first and second derivatives 0 at both ends.
double smooth_step(double t) {
  t = std::clamp(t, 0.0, 1.0);
  return t * t * t * (10 + t * (6 * t - 15));
}

// How much of a deformation of the box there is at a point in it.
double weight(const Box& box, const Fading& fading, const Vec3& p) {
  double w = 1;
  for (int a = 0; a < 3; ++a) {
    const double t = (p[a] - box.low[a]) / (box.high[a] - box.low[a]);
    if (fading[2 * a] > 0) w *= smooth_step(t / fading[2 * a]);
    if (fading[2 * a + 1] > 0) w *= smooth_step((1 - t) / fading[2 * a + 1]);
  }
  return w;
}

// Bernstein polynomials of degree n - 1 at t in 0..1 (de Casteljau's recurrence).
std::vector<double> bernstein(int n, double t) {
  std::vector<double> b(static_cast<std::size_t>(n), 0.0);
  b[0] = 1;
  for (std::size_t degree = 1; degree < b.size(); ++degree) {
    for (std::size_t i = degree; i > 0; --i) b[i] = (1 - t) * b[i] + t * b[i - 1];
    b[0] *= 1 - t;
  }
  return b;
}

Vec3 displacement(const LatticeMorph& m, const Vec3& p) {
  if (!m.box.contains(p)) return {0, 0, 0};
  std::array<std::vector<double>, 3> b;
  for (int a = 0; a < 3; ++a) b[a] = bernstein(m.points[a], (p[a] - m.box.low[a]) / (m.box.high[a] - m.box.low[a]));
  Vec3 sum{0, 0, 0};
  const Vec3* control = m.moved.data();
  for (const double x : b[0])
    for (const double y : b[1])
      for (const double z : b[2]) sum = sum + (x * y * z) * *control++;
  return weight(m.box, m.fading, p) * sum;
}

Vec3 displacement(const RegionMorph& m, const Vec3& p) {
  if (!m.box.contains(p)) return {0, 0, 0};
  Vec3 sum = m.shift;
  for (int a = 0; a < 3; ++a) sum[a] += m.growth[a] * (p[a] - m.about[a]);
  return weight(m.box, m.fading, p) * sum;
}

Vec3 displacement(const StretchMorph& m, const Vec3& p) {
  Vec3 out{0, 0, 0};
  const double direction = m.to > m.from ? 1 : -1;
  out[m.axis] = direction * m.by * std::clamp((p[m.axis] - m.from) / (m.to - m.from), 0.0, 1.0);
  return out;
}

Vec3 displacement(const RotateMorph& m, const Vec3& p) {
  double angle = m.angle;
  if (!m.box.empty()) {
    if (!m.box.contains(p)) return {0, 0, 0};
    angle *= weight(m.box, m.fading, p);
  }
  const Vec3 axis = (1 / norm(m.to - m.from)) * (m.to - m.from), arm = p - m.from;
  // Rodrigues' formula, less the arm itself.
  return (std::cos(angle) - 1) * (arm - dot(axis, arm) * axis) + std::sin(angle) * cross(axis, arm);
}

void check_box(const Box& box, const Fading& fading) {
  for (int a = 0; a < 3; ++a) expect(box.high[a] > box.low[a], "morph: the box is empty");
  for (const double share : fading) expect(share >= 0 && share <= 1, "morph: a fading is a share of the box");
}

}  // namespace

std::array<bool, 6> crossed_sides(const SurfaceMesh& mesh, const Box& box) {
  std::array<bool, 6> out{};
  const auto leave = [&](const Vec3& inside, const Vec3& outside) {
    if (!box.contains(inside) || box.contains(outside)) return;
    for (int a = 0; a < 3; ++a) {
      out[2 * a] = out[2 * a] || outside[a] < box.low[a];
      out[2 * a + 1] = out[2 * a + 1] || outside[a] > box.high[a];
    }
  };
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const std::size_t n = mesh.corner_count(f);
    for (std::size_t i = 0; i < n; ++i) {
      const Vec3 &a = mesh.corner(f, i), &b = mesh.corner(f, (i + 1) % n);
      leave(a, b), leave(b, a);
    }
  }
  return out;
}

std::size_t points_inside(const SurfaceMesh& mesh, const Box& box) {
  return static_cast<std::size_t>(
      std::count_if(mesh.points.begin(), mesh.points.end(), [&](const Vec3& p) { return box.contains(p); }));
}

void check(const Morph& morph) {
  if (const auto* lattice = std::get_if<LatticeMorph>(&morph)) {
    check_box(lattice->box, lattice->fading);
    std::size_t count = 1;
    for (const int n : lattice->points) {
      expect(n >= 2 && n <= 32, "morph: a lattice has 2 to 32 points along an axis");
      count *= static_cast<std::size_t>(n);
    }
    expect(lattice->moved.size() == count, "morph: one displacement for every point of the lattice");
  } else if (const auto* region = std::get_if<RegionMorph>(&morph)) {
    check_box(region->box, region->fading);
  } else if (const auto* rotate = std::get_if<RotateMorph>(&morph)) {
    if (!rotate->box.empty()) check_box(rotate->box, rotate->fading);
    expect(norm(rotate->to - rotate->from) > 0, "morph: a hinge of no length");
  } else {
    const auto& stretch = std::get<StretchMorph>(morph);
    expect(stretch.axis >= 0 && stretch.axis < 3 && stretch.from != stretch.to, "morph: nothing to stretch");
  }
}

Vec3 moved(const Morph& morph, const Vec3& point) {
  return point + std::visit([&](const auto& m) { return displacement(m, point); }, morph);
}

void apply(const Morph& morph, SurfaceMesh& mesh) {
  check(morph);
  for (Vec3& p : mesh.points) p = moved(morph, p);
}

}  // namespace streamtube::geometry
