#include "geometry/distance.hpp"

#include <CGAL/AABB_traits.h>
#include <CGAL/AABB_tree.h>
#include <CGAL/AABB_triangle_primitive.h>
#include <CGAL/Exact_predicates_inexact_constructions_kernel.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "geometry/threads.hpp"

namespace streamtube::geometry {

namespace {

// Exact predicates: a ray through a closed surface always crosses it an even or odd number of times as it must.
using Kernel = CGAL::Exact_predicates_inexact_constructions_kernel;
using Point = Kernel::Point_3;
using Triangle = Kernel::Triangle_3;
using Primitive = CGAL::AABB_triangle_primitive<Kernel, std::vector<Triangle>::const_iterator>;
using Tree = CGAL::AABB_tree<CGAL::AABB_traits<Kernel, Primitive>>;

Point to_cgal(const Vec3& p) { return {p[0], p[1], p[2]}; }
bool finite(const Vec3& p) { return std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]); }

constexpr std::size_t kBlock = 1024;  // points a thread takes at a time

}  // namespace

struct DistanceField::Impl {
  std::vector<Triangle> triangles;
  Tree tree;
  Box bounds;
  Vec3 directions[3];

  bool crosses_odd(const Vec3& p, const Vec3& direction) const {
    const Kernel::Ray_3 ray(to_cgal(p), to_cgal(p + direction));
    return tree.number_of_intersected_primitives(ray) % 2 == 1;
  }
};

DistanceField::DistanceField(const SurfaceMesh& mesh) : impl_(std::make_unique<Impl>()) {
  const Triangles all = triangulate(mesh);
  impl_->triangles.reserve(all.corners.size());
  for (const auto& t : all.corners) {
    const Vec3 &a = all.points[t[0]], &b = all.points[t[1]], &c = all.points[t[2]];
    if (!finite(a) || !finite(b) || !finite(c)) continue;
    const Triangle triangle(to_cgal(a), to_cgal(b), to_cgal(c));
    if (triangle.is_degenerate()) continue;  // no area: CGAL's constructions divide by it
    impl_->triangles.push_back(triangle);
    for (const Vec3* p : {&a, &b, &c}) impl_->bounds.add(*p);
  }
  if (impl_->triangles.empty()) {
    throw core::Error(core::ErrorKind::input, "no triangle of the surface has an area, so nothing has a distance to it",
                      "give a surface with triangles of positive area");
  }
  impl_->tree.insert(impl_->triangles.cbegin(), impl_->triangles.cend());
  impl_->tree.build();  // now and not by the first of many threads

  // Along no axis and no common slope, so that rays avoid edges of CAD bodies; as long as the body, so that the ray's
  // second point keeps its digits.
  const double length = norm(impl_->bounds.size());
  impl_->directions[0] = length * Vec3{0.8319713, 0.4671931, 0.2987127};
  impl_->directions[1] = length * Vec3{-0.3710957, 0.8133719, 0.4479133};
  impl_->directions[2] = length * Vec3{0.2193179, -0.5236187, 0.8232371};
}

DistanceField::~DistanceField() = default;
DistanceField::DistanceField(DistanceField&&) noexcept = default;

double DistanceField::distance(const Vec3& p) const {
  if (!finite(p)) return std::numeric_limits<double>::quiet_NaN();
  return std::sqrt(impl_->tree.squared_distance(to_cgal(p)));
}

bool DistanceField::inside(const Vec3& p) const {
  if (!finite(p) || !impl_->bounds.contains(p)) return false;
  const bool first = impl_->crosses_odd(p, impl_->directions[0]);
  const bool second = impl_->crosses_odd(p, impl_->directions[1]);
  return first == second ? first : impl_->crosses_odd(p, impl_->directions[2]);
}

double DistanceField::signed_distance(const Vec3& p) const { return inside(p) ? -distance(p) : distance(p); }

bool DistanceField::escapes(const Vec3& p, const Vec3& direction) const {
  const Vec3 along = (norm(impl_->bounds.size()) / norm(direction)) * direction;
  return !impl_->tree.do_intersect(Kernel::Ray_3(to_cgal(p), to_cgal(p + along)));
}

bool DistanceField::intersects(const Box& box) const {
  const Box& body = impl_->bounds;
  for (int i = 0; i < 3; ++i) {
    if (!(box.low[i] <= box.high[i]) || box.low[i] > body.high[i] || box.high[i] < body.low[i]) return false;
  }
  return impl_->tree.do_intersect(
      CGAL::Bbox_3(box.low[0], box.low[1], box.low[2], box.high[0], box.high[1], box.high[2]));
}

std::vector<double> DistanceField::signed_distance(const std::vector<Vec3>& points) const {
  std::vector<double> out(points.size());
  for_blocks(points.size(), kBlock, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) out[i] = signed_distance(points[i]);
  });
  return out;
}

std::vector<char> DistanceField::inside(const std::vector<Vec3>& points) const {
  std::vector<char> out(points.size());
  for_blocks(points.size(), kBlock, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) out[i] = inside(points[i]);
  });
  return out;
}

std::vector<Nearest> nearest_faces(const SurfaceMesh& mesh, const std::vector<Vec3>& places) {
  const Triangles all = triangulate(mesh);
  std::vector<Triangle> triangles;
  std::vector<std::int64_t> face;
  for (std::size_t i = 0; i < all.corners.size(); ++i) {
    const auto point = [&](int corner) {
      const Vec3& p = all.points[static_cast<std::size_t>(all.corners[i][static_cast<std::size_t>(corner)])];
      return Point(p[0], p[1], p[2]);
    };
    const Triangle triangle(point(0), point(1), point(2));
    if (triangle.is_degenerate()) continue;
    triangles.push_back(triangle);
    face.push_back(all.face[i]);
  }
  std::vector<Nearest> out(places.size());
  if (triangles.empty()) return out;
  Tree tree(triangles.cbegin(), triangles.cend());
  tree.build();
  for_blocks(places.size(), kBlock, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Point p(places[i][0], places[i][1], places[i][2]);
      const auto found = tree.closest_point_and_primitive(p);
      out[i].face = face[static_cast<std::size_t>(found.second - triangles.cbegin())];
      out[i].distance = std::sqrt(CGAL::squared_distance(p, found.first));
      out[i].position = {found.first.x(), found.first.y(), found.first.z()};
    }
  });
  return out;
}

double frontal_area(const SurfaceMesh& mesh, int resolution) {
  core::expect(resolution > 0, "frontal_area: the resolution must be positive");
  const Box bounds = mesh.bounds();
  const Vec3 size = bounds.size();
  const double dy = size[1] / resolution, dz = size[2] / resolution;
  if (!(dy > 0 && dz > 0)) return 0;

  // Cells whose centre lies in the shadow of a triangle, a row of centres at a time.
  const auto n = static_cast<std::size_t>(resolution);
  std::vector<char> shaded(n * n, 0);
  const Triangles all = triangulate(mesh);
  for (const auto& t : all.corners) {
    double y[3], z[3];  // in cells, centres at whole numbers
    for (int i = 0; i < 3; ++i) {
      y[i] = (all.points[t[i]][1] - bounds.low[1]) / dy - 0.5;
      z[i] = (all.points[t[i]][2] - bounds.low[2]) / dz - 0.5;
    }
    const double first = std::ceil(std::min({z[0], z[1], z[2]})), last = std::floor(std::max({z[0], z[1], z[2]}));
    if (!(first <= last)) continue;  // between two rows, or not finite
    for (int row = std::max(0, static_cast<int>(first)); row <= std::min(resolution - 1, static_cast<int>(last));
         ++row) {
      double low = 1e300, high = -1e300;
      for (int i = 0; i < 3; ++i) {
        const int j = (i + 1) % 3;
        if ((z[i] < row && z[j] < row) || (z[i] > row && z[j] > row)) continue;
        // Two values for an edge along the row, else its crossing.
        const double s = z[i] == z[j] ? 0 : (row - z[i]) / (z[j] - z[i]);
        const double a = y[i] + s * (y[j] - y[i]), b = z[i] == z[j] ? y[j] : a;
        low = std::min({low, a, b});
        high = std::max({high, a, b});
      }
      const int from = std::max(0, static_cast<int>(std::ceil(low)));
      const int to = std::min(resolution - 1, static_cast<int>(std::floor(high)));
      if (from <= to) std::fill_n(shaded.begin() + static_cast<std::ptrdiff_t>(row * n + from), to - from + 1, char{1});
    }
  }
  return static_cast<double>(std::count(shaded.begin(), shaded.end(), char{1})) * dy * dz;
}

}  // namespace streamtube::geometry
