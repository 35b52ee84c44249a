#include "geometry/polygons.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "geometry/solid_operations.hpp"

namespace streamtube::geometry {

namespace {

constexpr double kRounding = 1e-10;  // relative; coordinates are often float32, yet turns below this mean nothing

using Corners = std::array<int, 3>;

// Of the corners: the lowest in x, then y, then z. It does not depend on where the polygon starts.
int lowest_corner(const SurfaceMesh& mesh, std::size_t f) {
  int best = 0;
  for (std::size_t i = 1; i < mesh.corner_count(f); ++i)
    if (mesh.corner(f, i) < mesh.corner(f, static_cast<std::size_t>(best))) best = static_cast<int>(i);
  return best;
}

void fan(int from, int corners, std::vector<Corners>& triangles) {
  for (int i = 1; i + 1 < corners; ++i) triangles.push_back({from, (from + i) % corners, (from + i + 1) % corners});
}

bool cut_quad(const SurfaceMesh& mesh, std::size_t f, std::vector<Corners>& triangles) {
  const Vec3 area = mesh.area_vector(f);
  const auto corner = [&](int i) -> const Vec3& { return mesh.corner(f, static_cast<std::size_t>(i % 4)); };
  int inward = -1, many = 0;  // corners that do not turn outward: the last of them, and how many
  for (int i = 0; i < 4; ++i) {
    const Vec3 a = corner(i) - corner(i + 3), b = corner(i + 1) - corner(i);
    if (!(dot(cross(a, b), area) > kRounding * norm(a) * norm(b) * norm(area))) inward = i, ++many;
  }
  if (many > 1) return false;
  if (many == 1) {
    fan(inward, 4, triangles);
    return true;
  }
  const double first = norm(corner(2) - corner(0)), second = norm(corner(3) - corner(1));
  const bool alike = std::abs(first - second) <= kRounding * first;
  const int diagonal = alike ? lowest_corner(mesh, f) % 2 : first < second ? 0 : 1;
  fan(corner(diagonal) < corner(diagonal + 2) ? diagonal : diagonal + 2, 4, triangles);
  return true;
}

// Newell's formula from a corner that does not depend on where the polygon starts, nor do then its last digits.
Vec3 area_from(const SurfaceMesh& mesh, std::size_t f, int start) {
  const std::size_t corners = mesh.corner_count(f), from = static_cast<std::size_t>(start);
  const Vec3& origin = mesh.corner(f, from);
  Vec3 sum{0, 0, 0};
  for (std::size_t i = 1; i + 1 < corners; ++i)
    sum = sum + cross(mesh.corner(f, (from + i) % corners) - origin, mesh.corner(f, (from + i + 1) % corners) - origin);
  return 0.5 * sum;
}

// The polygon in its plane, seen from where it runs counter-clockwise.
class Plane {
 public:
  Plane(const Vec3& origin, const Vec3& normal) : origin_(origin) {
    int least = 0;
    for (int a = 1; a < 3; ++a)
      if (std::abs(normal[a]) < std::abs(normal[least])) least = a;
    Vec3 axis{0, 0, 0};
    axis[least] = 1;
    u_ = cross(axis, normal);
    u_ = (1 / norm(u_)) * u_;
    v_ = cross((1 / norm(normal)) * normal, u_);
  }
  std::array<double, 2> operator()(const Vec3& p) const { return {dot(p - origin_, u_), dot(p - origin_, v_)}; }

 private:
  Vec3 origin_, u_, v_;
};

double area_of(const std::vector<std::array<double, 2>>& points, const Corners& t) {
  const auto &a = points[static_cast<std::size_t>(t[0])], &b = points[static_cast<std::size_t>(t[1])],
             &c = points[static_cast<std::size_t>(t[2])];
  return 0.5 * ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
}

bool cut_outline(const SurfaceMesh& mesh, std::size_t f, std::vector<Corners>& triangles) {
  const int corners = static_cast<int>(mesh.corner_count(f)), start = lowest_corner(mesh, f);
  const Vec3 normal = area_from(mesh, f, start);
  const Plane plane(mesh.corner(f, static_cast<std::size_t>(start)), normal);
  // Equal corners are one, as the way to a hole and back passes them twice.
  std::vector<int> corner;
  std::vector<std::array<double, 2>> points;
  std::map<std::array<double, 2>, int> at;
  std::map<std::array<int, 2>, int> sides;  // how often each is run along forwards, less backwards
  int first = -1, before = -1;
  const auto side = [&](int a, int b) {
    if (a != b) sides[{std::min(a, b), std::max(a, b)}] += a < b ? 1 : -1;
  };
  for (int i = 0; i < corners; ++i) {
    const int c = (start + i) % corners;
    const auto place = plane(mesh.corner(f, static_cast<std::size_t>(c)));
    const auto [known, fresh] = at.try_emplace(place, static_cast<int>(points.size()));
    if (fresh) points.push_back(place), corner.push_back(c);
    if (before >= 0) side(before, known->second);
    before = known->second;
    if (first < 0) first = before;
  }
  side(before, first);
  std::vector<std::array<int, 2>> outline;
  for (const auto& [ends, count] : sides) {
    if (count != 0 && std::abs(count) != 1) return false;
    if (count != 0) outline.push_back(ends);
  }
  triangles = triangulate_outlines(points, outline);
  // What is covered must be what the outline surrounds by its direction: else it crosses itself.
  double covered = 0;
  for (const Corners& t : triangles) covered += area_of(points, t);
  if (triangles.empty() || std::abs(covered - norm(normal)) > 1e-6 * norm(normal)) return false;
  for (Corners& t : triangles) {
    for (int& c : t) c = corner[static_cast<std::size_t>(c)];
    std::rotate(t.begin(),
                std::min_element(
                    t.begin(), t.end(),
                    [&](int a, int b) { return (a - start + corners) % corners < (b - start + corners) % corners; }),
                t.end());
  }
  // In an order of their own, too: that of the triangulation is the library's.
  std::sort(triangles.begin(), triangles.end(), [&](const Corners& a, const Corners& b) {
    for (std::size_t i = 0; i < 3; ++i) {
      const int p = (a[i] - start + corners) % corners, q = (b[i] - start + corners) % corners;
      if (p != q) return p < q;
    }
    return false;
  });
  return true;
}

}  // namespace

bool cut_polygon(const SurfaceMesh& mesh, std::size_t f, std::vector<Corners>& triangles) {
  triangles.clear();
  const std::size_t corners = mesh.corner_count(f);
  if (corners == 3) {
    triangles.push_back({0, 1, 2});
    return true;
  }
  if (norm(mesh.area_vector(f)) > 0) {
    if (corners == 4 && cut_quad(mesh, f, triangles)) return true;
    if (cut_outline(mesh, f, triangles)) return true;
  }
  triangles.clear();
  fan(lowest_corner(mesh, f), static_cast<int>(corners), triangles);
  return false;
}

}  // namespace streamtube::geometry
