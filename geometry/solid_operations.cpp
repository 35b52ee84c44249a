#include "geometry/solid_operations.hpp"

#include <CGAL/Constrained_Delaunay_triangulation_2.h>
#include <CGAL/Exact_predicates_inexact_constructions_kernel.h>
#include <CGAL/Polygon_mesh_processing/bbox.h>
#include <CGAL/Polygon_mesh_processing/corefinement.h>
#include <CGAL/Polygon_mesh_processing/orient_polygon_soup.h>
#include <CGAL/Polygon_mesh_processing/polygon_mesh_to_polygon_soup.h>
#include <CGAL/Polygon_mesh_processing/polygon_soup_to_polygon_mesh.h>
#include <CGAL/Polygon_mesh_processing/self_intersections.h>
#include <CGAL/Polygon_mesh_processing/triangulate_hole.h>
#include <CGAL/Surface_mesh.h>
#include <CGAL/Triangulation_face_base_with_info_2.h>
#include <CGAL/Triangulation_vertex_base_with_info_2.h>
#include <CGAL/alpha_wrap_3.h>
#include <CGAL/boost/graph/copy_face_graph.h>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "core/runtime.hpp"

namespace streamtube::geometry {

namespace {

namespace PMP = CGAL::Polygon_mesh_processing;
using Kernel = CGAL::Exact_predicates_inexact_constructions_kernel;
using Point = Kernel::Point_3;
using Mesh = CGAL::Surface_mesh<Point>;
using Polygons = std::vector<std::array<std::size_t, 3>>;

std::vector<Point> points_of(const SurfaceMesh& mesh) {
  std::vector<Point> points;
  points.reserve(mesh.points.size());
  for (const Vec3& p : mesh.points) points.emplace_back(p[0], p[1], p[2]);
  return points;
}

std::array<std::size_t, 3> corners_of(const SurfaceMesh& mesh, std::size_t f) {
  const std::int64_t* c = mesh.corners.data() + mesh.offsets[f];
  return {static_cast<std::size_t>(c[0]), static_cast<std::size_t>(c[1]), static_cast<std::size_t>(c[2])};
}

// A halfedge mesh; false when the faces are none (three at an edge, sides that disagree).
bool to_cgal(std::vector<Point> points, Polygons polygons, Mesh& out) {
  if (!PMP::is_polygon_soup_a_polygon_mesh(polygons)) {
    PMP::orient_polygon_soup(points, polygons);  // also splits points at which sheets touch
    if (!PMP::is_polygon_soup_a_polygon_mesh(polygons)) return false;
  }
  PMP::polygon_soup_to_polygon_mesh(points, polygons, out);
  return true;
}

SurfaceMesh from_cgal(const Mesh& mesh) {
  std::vector<Point> points;
  Polygons polygons;
  PMP::polygon_mesh_to_polygon_soup(mesh, points, polygons);
  SurfaceMesh out;
  for (const Point& p : points) out.points.push_back({p.x(), p.y(), p.z()});
  out.offsets = {0};
  for (const auto& polygon : polygons) {
    for (const std::size_t corner : polygon) out.corners.push_back(static_cast<std::int64_t>(corner));
    out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
  }
  out.patch.assign(polygons.size(), 0);
  out.patch_names = {"body"};
  return out;
}

void take_geometry(SurfaceMesh& mesh, SurfaceMesh&& from) {
  mesh.points = std::move(from.points), mesh.offsets = std::move(from.offsets), mesh.corners = std::move(from.corners);
  mesh.patch = std::move(from.patch), mesh.patch_names = std::move(from.patch_names);
}

}  // namespace

std::vector<std::array<int, 3>> triangulate_outlines(const std::vector<std::array<double, 2>>& points,
                                                     const std::vector<std::array<int, 2>>& sides) {
  // info: of a vertex its number, of a face how many lines surround it (-1: not known yet).
  using Vertices = CGAL::Triangulation_vertex_base_with_info_2<int, Kernel>;
  using Plain = CGAL::Triangulation_face_base_with_info_2<int, Kernel>;
  using Faces = CGAL::Constrained_triangulation_face_base_2<Kernel, Plain>;
  using Triangulation =
      CGAL::Constrained_Delaunay_triangulation_2<Kernel, CGAL::Triangulation_data_structure_2<Vertices, Faces>,
                                                 CGAL::No_constraint_intersection_tag>;
  std::vector<int> ends(points.size(), 0);
  for (const auto& side : sides)
    for (const int end : side) ++ends[static_cast<std::size_t>(end)];
  if (sides.size() < 3 || std::any_of(ends.begin(), ends.end(), [](int n) { return n % 2 != 0; })) return {};
  try {
    Triangulation plane;
    std::vector<Triangulation::Vertex_handle> vertex;
    for (std::size_t i = 0; i < points.size(); ++i) {
      vertex.push_back(plane.insert(Kernel::Point_2(points[i][0], points[i][1])));
      vertex.back()->info() = static_cast<int>(i);
    }
    for (const auto& side : sides)
      plane.insert_constraint(vertex[static_cast<std::size_t>(side[0])], vertex[static_cast<std::size_t>(side[1])]);
    for (const auto face : plane.all_face_handles()) face->info() = -1;
    std::vector<Triangulation::Face_handle> now{plane.infinite_face()}, next;
    for (int depth = 0; !now.empty(); ++depth, now = std::move(next), next.clear())
      while (!now.empty()) {
        const auto face = now.back();
        now.pop_back();
        if (face->info() >= 0) continue;
        face->info() = depth;
        for (int i = 0; i < 3; ++i)
          if (face->neighbor(i)->info() < 0) (face->is_constrained(i) ? next : now).push_back(face->neighbor(i));
      }
    std::vector<std::array<int, 3>> out;
    for (const auto face : plane.finite_face_handles())
      if (face->info() % 2 == 1)
        out.push_back({face->vertex(0)->info(), face->vertex(1)->info(), face->vertex(2)->info()});
    return out;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return {};
  }
}

std::vector<std::array<int, 3>> triangulate_loop(const std::vector<Vec3>& loop) {
  try {
    std::vector<Point> line;
    for (const Vec3& p : loop) line.emplace_back(p[0], p[1], p[2]);
    using Corners = CGAL::Triple<int, int, int>;
    std::vector<Corners> found;
    PMP::triangulate_hole_polyline(line, std::back_inserter(found));
    std::vector<std::array<int, 3>> out;
    for (const Corners& t : found) out.push_back({t.first, t.second, t.third});
    return out;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return {};
  }
}

bool unite(SurfaceMesh& mesh, const std::vector<std::uint32_t>& part, std::size_t parts) {
  try {
    const std::vector<Point> points = points_of(mesh);
    std::vector<Polygons> polygons(parts);
    for (std::size_t f = 0; f < mesh.face_count(); ++f) polygons[part[f]].push_back(corners_of(mesh, f));
    std::vector<Mesh> bodies;
    for (const Polygons& one : polygons) {
      // Its own points only.
      std::vector<std::size_t> number(points.size(), ~std::size_t{0});
      std::vector<Point> own;
      Polygons renumbered = one;
      for (auto& polygon : renumbered)
        for (std::size_t& corner : polygon) {
          if (number[corner] == ~std::size_t{0}) number[corner] = own.size(), own.push_back(points[corner]);
          corner = number[corner];
        }
      Mesh body;
      if (!to_cgal(std::move(own), std::move(renumbered), body) || !CGAL::is_closed(body)) return false;
      bodies.push_back(std::move(body));
    }
    // Those whose boxes meet are joined until none do; what stays apart is only put together.
    for (std::size_t a = 0; a < bodies.size(); ++a) {
      for (std::size_t b = a + 1; b < bodies.size();) {
        core::check_interrupt();
        if (!CGAL::do_overlap(PMP::bbox(bodies[a]), PMP::bbox(bodies[b])) || !PMP::do_intersect(bodies[a], bodies[b])) {
          ++b;
          continue;
        }
        Mesh joined;
        if (!PMP::corefine_and_compute_union(bodies[a], bodies[b], joined,
                                             CGAL::parameters::throw_on_self_intersection(true)))
          return false;
        bodies[a] = std::move(joined);
        bodies.erase(bodies.begin() + static_cast<std::ptrdiff_t>(b));
        b = a + 1;  // it has grown
      }
    }
    Mesh all;
    for (const Mesh& body : bodies) CGAL::copy_face_graph(body, all);
    take_geometry(mesh, from_cgal(all));
    return true;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return false;
  }
}

SurfaceMesh alpha_wrap(const SurfaceMesh& mesh, double alpha, double offset) {
  std::vector<Point> points = points_of(mesh);
  Polygons polygons;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const auto corners = corners_of(mesh, f);
    // CGAL's distances divide by the area.
    if (!CGAL::collinear(points[corners[0]], points[corners[1]], points[corners[2]])) polygons.push_back(corners);
  }
  Mesh wrapped;
  CGAL::alpha_wrap_3(points, polygons, alpha, offset, wrapped);
  return from_cgal(wrapped);
}

}  // namespace streamtube::geometry
