#include "tests/support/damage.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <set>
#include <stdexcept>

#include "core/rng.hpp"

namespace streamtube::test {

using geometry::SurfaceMesh;

namespace {

using Triangle = std::array<Vec3, 3>;

std::vector<Triangle> triangles_of(const SurfaceMesh& mesh) {
  std::vector<Triangle> out;
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::size_t i = 1; i + 1 < mesh.corner_count(f); ++i)
      out.push_back({mesh.corner(f, 0), mesh.corner(f, i), mesh.corner(f, i + 1)});
  return out;
}

SurfaceMesh mesh_of(const std::vector<Triangle>& triangles) {
  SurfaceMesh mesh;
  mesh.offsets = {0};
  mesh.patch_names = {"body"};
  for (const Triangle& t : triangles) {
    for (const Vec3& p : t) {
      mesh.corners.push_back(static_cast<std::int64_t>(mesh.points.size()));
      mesh.points.push_back(p);
    }
    mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
    mesh.patch.push_back(0);
  }
  return mesh;
}

Triangle turned_over(const Triangle& t) { return {t[0], t[2], t[1]}; }
Vec3 middle(const Triangle& t) { return (1.0 / 3.0) * (t[0] + t[1] + t[2]); }

double normal_number(core::Rng& rng) {  // Box and Muller
  const double u = 1 - rng.uniform(), v = rng.uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

// Sides of the section of the body with a plane, as they bound the part below it.
std::vector<std::array<Vec3, 2>> clip(const std::vector<Triangle>& body, const Vec3& point, const Vec3& normal,
                                      std::vector<Triangle>& below) {
  std::vector<std::array<Vec3, 2>> section;
  const auto height = [&](const Vec3& p) { return dot(p - point, normal); };
  // The same point for both faces of an edge.
  const auto crossing = [&](Vec3 a, Vec3 b) {
    if (b < a) std::swap(a, b);
    return a + (height(a) / (height(a) - height(b))) * (b - a);
  };
  for (const Triangle& t : body) {
    std::vector<Vec3> polygon, on;
    for (std::size_t i = 0; i < 3; ++i) {
      const Vec3 &a = t[i], &b = t[(i + 1) % 3];
      if (height(a) <= 0) polygon.push_back(a);
      if ((height(a) <= 0) != (height(b) <= 0)) {
        polygon.push_back(crossing(a, b));
        on.push_back(polygon.back());
        if (height(a) > 0 && on.size() == 2) std::swap(on[0], on[1]);
      }
    }
    for (std::size_t i = 1; i + 1 < polygon.size(); ++i) below.push_back({polygon[0], polygon[i], polygon[i + 1]});
    if (on.size() == 2) {
      // In the order in which the polygon runs along the plane.
      for (std::size_t i = 0; i < polygon.size(); ++i)
        if (polygon[i] == on[1] && polygon[(i + 1) % polygon.size()] == on[0]) std::swap(on[0], on[1]);
      section.push_back({on[0], on[1]});
    }
  }
  return section;
}

std::vector<Triangle> lid(const std::vector<std::array<Vec3, 2>>& section) {
  Vec3 center{0, 0, 0};
  for (const auto& side : section) center = center + side[0];
  center = (1.0 / static_cast<double>(section.size())) * center;
  std::vector<Triangle> out;
  for (const auto& side : section) out.push_back({center, side[1], side[0]});
  return out;
}

std::vector<Triangle> closed_part(const std::vector<Triangle>& body, const Vec3& point, const Vec3& normal) {
  std::vector<Triangle> out;
  const auto section = clip(body, point, normal, out);
  const auto cover = lid(section);
  out.insert(out.end(), cover.begin(), cover.end());
  return out;
}

// The faces nearest to face `seed`, that one first.
std::vector<std::size_t> nearest(const std::vector<Triangle>& all, std::size_t seed, std::size_t n) {
  std::vector<std::size_t> order(all.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const Vec3 at = middle(all[seed]);
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(n);
  std::partial_sort(order.begin(), end, order.end(), [&](std::size_t a, std::size_t b) {
    return norm(middle(all[a]) - at) < norm(middle(all[b]) - at);
  });
  order.resize(n);
  return order;
}

}  // namespace

const std::vector<std::string>& damages() {
  static const std::vector<std::string> names = {"holes",       "flipped",     "duplicated", "soup",    "two_solids",
                                                 "inner_walls", "millimetres", "turned",     "shifted", "noisy"};
  return names;
}

SurfaceMesh cut_off(const SurfaceMesh& body, const Vec3& point, const Vec3& normal) {
  return mesh_of(closed_part(triangles_of(body), point, normal));
}

SurfaceMesh damaged(const SurfaceMesh& clean, const std::string& damage) {
  std::vector<Triangle> faces = triangles_of(clean);
  core::Rng rng(7, damage.c_str());
  if (damage == "holes") {
    std::set<std::size_t> gone;
    constexpr std::size_t sizes[] = {1, 1, 1, 2, 2, 3, 4, 6, 8, 12, 20, 30};
    for (const std::size_t size : sizes)
      for (const std::size_t f : nearest(faces, rng.below(faces.size()), size)) gone.insert(f);
    std::vector<Triangle> left;
    for (std::size_t f = 0; f < faces.size(); ++f)
      if (!gone.contains(f)) left.push_back(faces[f]);
    faces = std::move(left);
  } else if (damage == "flipped") {
    for (std::size_t f = 0; f < faces.size(); f += 5) faces[f] = turned_over(faces[f]);
  } else if (damage == "duplicated") {
    const std::size_t n = faces.size();
    for (std::size_t f = 0; f < n; f += 4) faces.push_back(f % 8 == 0 ? faces[f] : turned_over(faces[f]));
  } else if (damage == "soup") {
    for (std::size_t i = faces.size(); i > 1; --i) std::swap(faces[i - 1], faces[rng.below(i)]);
    for (Triangle& t : faces) {
      std::rotate(t.begin(), t.begin() + static_cast<std::ptrdiff_t>(rng.below(3)), t.end());
      if (rng.below(2) == 1) t = turned_over(t);
      for (Vec3& p : t)
        for (double& x : p) x += 1e-6 * (2 * rng.uniform() - 1);
    }
  } else if (damage == "two_solids") {
    const Box box = clean.bounds();
    const double half = 0.5 * (box.low[0] + box.high[0]);
    const auto front = closed_part(faces, {half + 0.1, 0, 0}, {1, 0, 0});
    const auto rear = closed_part(faces, {half - 0.1, 0, 0}, {-1, 0, 0});
    faces = front;
    faces.insert(faces.end(), rear.begin(), rear.end());
  } else if (damage == "inner_walls") {
    const Box box = clean.bounds();
    const Vec3 size = box.size();
    const std::vector<Triangle> shell = faces;
    for (const double at : {0.3, 0.5, 0.7}) {
      std::vector<Triangle> unused;
      const auto wall = lid(clip(shell, {box.low[0] + at * size[0], 0, 0}, {1, 0, 0}, unused));
      faces.insert(faces.end(), wall.begin(), wall.end());
    }
    const Vec3 low = box.low + 0.35 * size, high = box.low + 0.45 * size;
    const auto corner = [&](int i) {
      return Vec3{(i & 1 ? high : low)[0], (i & 2 ? high : low)[1], (i & 4 ? high : low)[2]};
    };
    constexpr int quads[6][4] = {{0, 2, 3, 1}, {4, 5, 7, 6}, {0, 1, 5, 4}, {2, 6, 7, 3}, {0, 4, 6, 2}, {1, 3, 7, 5}};
    for (const auto& q : quads)
      for (int i = 1; i < 3; ++i) faces.push_back({corner(q[0]), corner(q[i]), corner(q[i + 1])});
  } else if (damage == "millimetres") {
    for (Triangle& t : faces)
      for (Vec3& p : t) p = 1000.0 * p;
  } else if (damage == "turned") {
    for (Triangle& t : faces)
      for (Vec3& p : t) p = {-p[1], p[0], p[2]};
  } else if (damage == "shifted") {
    for (Triangle& t : faces)
      for (Vec3& p : t) p = p + Vec3{3, 2, 0};
  } else if (damage == "noisy") {
    std::map<Vec3, Vec3> moved;  // points stay together
    for (Triangle& t : faces)
      for (Vec3& p : t) {
        const auto [found, is_new] = moved.emplace(p, p);
        if (is_new)
          for (double& x : found->second) x += 0.5e-3 * normal_number(rng);
        p = found->second;
      }
  } else {
    throw std::invalid_argument("no damage is called " + damage);
  }
  return mesh_of(faces);
}

}  // namespace streamtube::test
