#include "geometry/exposure.hpp"

#include <cmath>
#include <numbers>

#include "geometry/distance.hpp"
#include "geometry/threads.hpp"

namespace streamtube::geometry {

namespace {

constexpr std::size_t kPlaces = 24, kDirections = 48;
// What slips through cracks is no way out.
constexpr double kLeast = 0.005;

// Evenly spread over the sphere (a Fibonacci lattice), turned off the axes.
std::vector<Vec3> directions() {
  std::vector<Vec3> out;
  for (std::size_t i = 0; i < kDirections; ++i) {
    const double z = 1 - (2 * static_cast<double>(i) + 1) / kDirections;
    const double r = std::sqrt(1 - z * z), phi = 0.3 + static_cast<double>(i) * std::numbers::pi * (3 - std::sqrt(5.0));
    out.push_back({r * std::cos(phi), r * std::sin(phi), z});
  }
  return out;
}

}  // namespace

std::vector<char> hidden_pieces(const SurfaceMesh& mesh, const std::vector<std::uint32_t>& piece, std::size_t pieces,
                                const std::vector<char>& asked) {
  std::vector<std::vector<std::size_t>> faces(pieces);
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    if (asked[piece[f]] && norm(mesh.area_vector(f)) > 0) faces[piece[f]].push_back(f);
  std::vector<char> hidden(pieces, 0);
  const DistanceField surface(mesh);
  const double off = 1e-6 * norm(mesh.bounds().size());
  const std::vector<Vec3> rays = directions();
  for_blocks(pieces, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      const std::size_t places = std::min(kPlaces, faces[p].size());
      std::size_t tried = 0, out = 0;
      for (std::size_t i = 0; i < places; ++i) {
        const std::size_t f = faces[p][i * faces[p].size() / places];
        const Vec3 area = mesh.area_vector(f), normal = (1 / norm(area)) * area, middle = mesh.centroid(f);
        for (const Vec3& ray : rays) {
          // Each ray leaves on the side it looks to.
          const Vec3 from = middle + (dot(ray, normal) < 0 ? -off : off) * normal;
          ++tried;
          out += surface.escapes(from, ray);
        }
      }
      hidden[p] = tried > 0 && static_cast<double>(out) < kLeast * static_cast<double>(tried);
    }
  });
  return hidden;
}

std::vector<char> faces_inside(const SurfaceMesh& mesh, const SurfaceMesh& body, double depth) {
  const DistanceField field(body);
  std::vector<char> inside(mesh.face_count(), 0);
  for_blocks(mesh.face_count(), 1024, [&](std::size_t begin, std::size_t end) {
    for (std::size_t f = begin; f < end; ++f) {
      const Vec3 middle = mesh.centroid(f);
      inside[f] = field.inside(middle) && field.distance(middle) > depth;
    }
  });
  return inside;
}

}  // namespace streamtube::geometry
