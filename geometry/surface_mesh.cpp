#include "geometry/surface_mesh.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "geometry/polygons.hpp"

namespace streamtube::geometry {

using core::Error;
using core::ErrorKind;
using core::str;

Vec3 SurfaceMesh::area_vector(std::size_t f) const {
  // Relative to the first corner, so that a small face far from the origin keeps its digits.
  const Vec3& origin = corner(f, 0);
  Vec3 sum{0, 0, 0};
  for (std::size_t i = 1; i + 1 < corner_count(f); ++i) {
    sum = sum + cross(corner(f, i) - origin, corner(f, i + 1) - origin);
  }
  return 0.5 * sum;
}

Vec3 SurfaceMesh::centroid(std::size_t f) const {
  const std::size_t n = corner_count(f);
  const Vec3& origin = corner(f, 0);
  const Vec3 area = area_vector(f);
  // Signed shares of the fan triangles along the face's own normal: right for concave polygons too.
  Vec3 moment{0, 0, 0};
  double weight = 0;
  for (std::size_t i = 1; i + 1 < n; ++i) {
    const Vec3 a = corner(f, i) - origin, b = corner(f, i + 1) - origin;
    const double w = dot(cross(a, b), area);
    moment = moment + (w / 3) * (a + b);
    weight += w;
  }
  if (weight > 0) {
    const Vec3 c = origin + (1 / weight) * moment;
    if (std::isfinite(c[0] + c[1] + c[2])) return c;
  }
  Vec3 mean{0, 0, 0};  // no area: the middle of the corners
  for (std::size_t i = 0; i < n; ++i) mean = mean + corner(f, i);
  return (1.0 / static_cast<double>(n)) * mean;
}

Box SurfaceMesh::bounds() const {
  // Of the points that faces use: files carry stray ones.
  Box box;
  for (const std::int64_t c : corners) box.add(points[static_cast<std::size_t>(c)]);
  return box;
}

void SurfaceMesh::check(const std::string& where) const {
  const auto fail = [&](const std::string& what, const std::string& hint) {
    throw Error(ErrorKind::input, where + ": " + what, hint);
  };
  const std::size_t faces = face_count();
  if (faces == 0) fail("the surface has no faces", "give a file with at least a few triangles; was the export empty?");
  if (offsets.front() != 0 || offsets.back() != static_cast<std::int64_t>(corners.size())) {
    fail(str("the face list is inconsistent: offsets run from ", offsets.front(), " to ", offsets.back(), " over ",
             corners.size(), " corners"),
         "the file is damaged; export it again");
  }
  for (std::size_t f = 0; f < faces; ++f) {
    if (offsets[f + 1] - offsets[f] < 3) {
      fail(str("face ", f, " has ", offsets[f + 1] - offsets[f], " corners, a face needs at least 3"),
           "remove lines and points from the export, keep surfaces only");
    }
  }
  const auto vertices = static_cast<std::int64_t>(points.size());
  for (std::size_t f = 0; f < faces; ++f) {
    for (std::int64_t i = offsets[f]; i < offsets[f + 1]; ++i) {
      const std::int64_t c = corners[static_cast<std::size_t>(i)];
      if (c < 0 || c >= vertices) {
        fail(str("face ", f, " refers to point ", c, ", there are ", vertices, " (0 to ", vertices - 1, ")"),
             "the file is damaged; export it again");
      }
    }
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (const double x : points[i]) {
      if (!std::isfinite(x)) {
        fail(str("point ", i, " is not finite: (", points[i][0], ", ", points[i][1], ", ", points[i][2], ")"),
             "repair or re-export the file");
      }
    }
  }
  if (patch.size() != faces) {
    fail(str(patch.size(), " patch numbers for ", faces, " faces"), "the file is damaged; export it again");
  }
  for (std::size_t f = 0; f < faces; ++f) {
    if (patch[f] < 0 || static_cast<std::size_t>(patch[f]) >= patch_names.size()) {
      fail(str("face ", f, " is in patch ", patch[f], ", there are ", patch_names.size()),
           "the file is damaged; export it again");
    }
  }
  for (const Attribute& a : attributes) {
    const bool on_points = a.association == Association::points;
    const std::size_t count = on_points ? points.size() : faces;
    if (a.components < 1 || a.values.size() != count * static_cast<std::size_t>(a.components)) {
      fail(
          str("attribute '", a.name, "' has ", a.values.size(), " values, ", count, on_points ? " points" : " faces",
              " with ", a.components, " components need ", count * static_cast<std::size_t>(std::max(a.components, 0))),
          "the file is damaged; export it again or drop this array");
    }
  }
}

Triangles triangulate(const SurfaceMesh& mesh) {
  Triangles out;
  out.points = mesh.points;
  const std::size_t faces = mesh.face_count();
  const std::size_t count = mesh.corners.size() - 2 * faces;
  out.corners.reserve(count);
  out.face.reserve(count);
  std::vector<std::array<int, 3>> cut;
  for (std::size_t f = 0; f < faces; ++f) {
    const std::int64_t* c = mesh.corners.data() + mesh.offsets[f];
    cut_polygon(mesh, f, cut);
    for (const auto& t : cut) {
      out.corners.push_back({c[t[0]], c[t[1]], c[t[2]]});
      out.face.push_back(static_cast<std::int64_t>(f));
    }
  }
  return out;
}

}  // namespace streamtube::geometry
