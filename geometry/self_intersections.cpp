#include "geometry/self_intersections.hpp"

#include <CGAL/Bbox_3.h>
#include <CGAL/Box_intersection_d/Box_with_info_d.h>
#include <CGAL/Exact_predicates_inexact_constructions_kernel.h>
#include <CGAL/box_intersection_d.h>

#include <exception>
#include <new>

#include "core/error.hpp"
#include "core/runtime.hpp"

namespace streamtube::geometry {

namespace {

using Kernel = CGAL::Exact_predicates_inexact_constructions_kernel;
using Point = Kernel::Point_3;
using Corners = std::array<std::uint32_t, 3>;

// Whether two triangles meet anywhere but in the corners and sides they share.
bool meet(const std::vector<Point>& points, const Corners& a, const Corners& b) {
  int at_a[3], at_b[3];  // shared corners
  int shared = 0;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      if (a[i] == b[j]) at_a[shared] = i, at_b[shared] = j, ++shared;
    }
  }
  const auto triangle = [&](const Corners& t) { return Kernel::Triangle_3(points[t[0]], points[t[1]], points[t[2]]); };
  if (shared == 3) return true;
  if (shared == 2) {
    // Folded flat onto each other.
    const Point &p = points[a[at_a[0]]], &q = points[a[at_a[1]]];
    const Point &c = points[a[3 - at_a[0] - at_a[1]]], &d = points[b[3 - at_b[0] - at_b[1]]];
    return CGAL::coplanar(p, q, c, d) && CGAL::coplanar_orientation(p, q, c, d) == CGAL::POSITIVE;
  }
  if (shared == 1) {
    const auto opposite = [&](const Corners& t, int corner) {
      return Kernel::Segment_3(points[t[(corner + 1) % 3]], points[t[(corner + 2) % 3]]);
    };
    return CGAL::do_intersect(opposite(a, at_a[0]), triangle(b)) ||
           CGAL::do_intersect(opposite(b, at_b[0]), triangle(a));
  }
  return CGAL::do_intersect(triangle(a), triangle(b));
}

}  // namespace

std::optional<std::int64_t> count_self_intersections(const std::vector<Vec3>& points,
                                                     const std::vector<Corners>& triangles, std::vector<char>* cut) {
  if (cut) cut->assign(triangles.size(), 0);
  try {
    std::vector<Point> corners;
    corners.reserve(points.size());
    for (const Vec3& p : points) corners.emplace_back(p[0], p[1], p[2]);
    using TriangleBox = CGAL::Box_intersection_d::Box_with_info_d<double, 3, const Corners*>;
    std::vector<TriangleBox> boxes;
    boxes.reserve(triangles.size());
    for (const Corners& t : triangles) {
      // Exactly collinear corners are no triangle for CGAL, whatever their area in floating point.
      if (CGAL::collinear(corners[t[0]], corners[t[1]], corners[t[2]])) continue;
      boxes.emplace_back(corners[t[0]].bbox() + corners[t[1]].bbox() + corners[t[2]].bbox(), &t);
    }
    std::int64_t count = 0;
    std::size_t looked_at = 0;
    CGAL::box_self_intersection_d(boxes.begin(), boxes.end(), [&](const TriangleBox& a, const TriangleBox& b) {
      if (++looked_at % 4096 == 0) core::check_interrupt();
      if (!meet(corners, *a.info(), *b.info())) return;
      ++count;
      if (cut)
        for (const TriangleBox* box : {&a, &b}) (*cut)[static_cast<std::size_t>(box->info() - triangles.data())] = 1;
    });
    return count;
  } catch (const core::Error&) {
    throw;  // interrupted
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace streamtube::geometry
