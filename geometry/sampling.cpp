#include "geometry/sampling.hpp"

#include <cmath>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "geometry/space_curve.hpp"

namespace streamtube::geometry {

namespace {

// Triangle `t` of the fan of face `f`.
std::array<Vec3, 3> fan_triangle(const SurfaceMesh& mesh, std::size_t f, std::size_t t) {
  return {mesh.corner(f, 0), mesh.corner(f, t + 1), mesh.corner(f, t + 2)};
}

double area(const std::array<Vec3, 3>& t) { return 0.5 * norm(cross(t[1] - t[0], t[2] - t[0])); }

}  // namespace

std::vector<Vec3> sample_surface(const SurfaceMesh& mesh, std::size_t n, std::uint64_t seed,
                                 std::vector<std::int64_t>* faces) {
  std::vector<Vec3> points(n);
  std::vector<std::int64_t> on(n);
  double total = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::size_t t = 0; t + 2 < mesh.corner_count(f); ++t) total += area(fan_triangle(mesh, f, t));
  if (n > 0 && !(total > 0 && std::isfinite(total))) {
    throw core::Error(core::ErrorKind::input, core::str("cannot sample a surface whose area is ", total, " m2"),
                      "give a surface with triangles of positive area");
  }

  // Along a curve, so that strata are patches of the surface whatever the file's order of faces.
  const std::vector<std::int64_t> curve =
      space_curve(mesh.face_count(), [&](std::size_t f) { return mesh.corner(f, 0); });
  const auto face_at = [&](std::size_t f) { return static_cast<std::size_t>(curve[f]); };
  // Walks the curve (f: place on it) once while the strata go by; `end` is the cumulative area.
  core::Rng place(seed, "surface samples");
  std::size_t f = 0, t = 0;
  double begin = 0, end = n > 0 ? area(fan_triangle(mesh, face_at(0), 0)) : 0;
  std::size_t last_f = 0,
              last_t = 0;  // the last triangle with an area, for a target that rounding puts at the very end
  for (std::size_t i = 0; i < n; ++i) {
    const double target = (static_cast<double>(i) + place.uniform()) / static_cast<double>(n) * total;
    const double u = place.uniform(), v = place.uniform();
    bool found = true;
    while (target >= end) {
      if (end > begin) last_f = f, last_t = t;
      if (++t + 2 >= mesh.corner_count(face_at(f))) {
        if (f + 1 == mesh.face_count()) {
          --t;
          found = false;
          break;
        }
        ++f;
        t = 0;
      }
      begin = end;
      end += area(fan_triangle(mesh, face_at(f), t));
    }
    if (!found && end > begin) last_f = f, last_t = t;
    const std::size_t face = face_at(found ? f : last_f);
    const auto [a, b, c] = fan_triangle(mesh, face, found ? t : last_t);
    const double r = std::sqrt(u);  // uniform in the triangle
    points[i] = a + (r * (1 - v)) * (b - a) + (r * v) * (c - a);
    on[i] = static_cast<std::int64_t>(face);
  }

  core::Rng order(seed, "surface sample order");
  for (std::size_t i = n; i > 1; --i) {
    const std::size_t j = order.below(i);
    std::swap(points[i - 1], points[j]);
    std::swap(on[i - 1], on[j]);
  }
  if (faces) *faces = std::move(on);
  return points;
}

}  // namespace streamtube::geometry
