#include "geometry/cell_measures.hpp"

#include <cmath>
#include <span>

#include "geometry/threads.hpp"

namespace streamtube::geometry {
namespace {

// Corners of the faces of VTK's linear cells, each face ended by -1.
std::span<const int> faces_of(std::uint8_t type) {
  static constexpr int kTetrahedron[] = {0, 1, 3, -1, 1, 2, 3, -1, 2, 0, 3, -1, 0, 2, 1, -1};
  static constexpr int kHexahedron[] = {0, 4, 7, 3, -1, 1, 2, 6, 5, -1, 0, 1, 5, 4, -1,
                                        3, 7, 6, 2, -1, 0, 3, 2, 1, -1, 4, 5, 6, 7, -1};
  static constexpr int kWedge[] = {0, 1, 2, -1, 3, 5, 4, -1, 0, 3, 4, 1, -1, 1, 4, 5, 2, -1, 2, 5, 3, 0, -1};
  static constexpr int kPyramid[] = {0, 3, 2, 1, -1, 0, 1, 4, -1, 1, 2, 4, -1, 2, 3, 4, -1, 3, 0, 4, -1};
  switch (type) {
    case 10:
      return kTetrahedron;
    case 12:
      return kHexahedron;
    case 13:
      return kWedge;
    case 14:
      return kPyramid;
    default:
      return {};
  }
}

constexpr std::uint8_t kPolyhedron = 42;

struct Face {
  Vec3 center, area;  // area: as long as the face is large
};

Face measure(const std::vector<Vec3>& corners) {
  const std::size_t n = corners.size();
  Vec3 middle{0, 0, 0};
  for (const Vec3& p : corners) middle = middle + (1.0 / static_cast<double>(n)) * p;
  Face face{middle, {0, 0, 0}};
  double sum = 0;
  Vec3 weighted{0, 0, 0};
  for (std::size_t i = 0; i < n; ++i) {
    const Vec3 &a = corners[i], &b = corners[(i + 1) % n];
    const Vec3 area = 0.5 * cross(a - middle, b - middle);
    const double size = norm(area);
    face.area = face.area + area;
    weighted = weighted + (size / 3) * (a + b + middle);
    sum += size;
  }
  if (sum > 0) face.center = (1 / sum) * weighted;
  return face;
}

}  // namespace

CellMeasures measure_cells(const VolumeMesh& mesh) {
  CellMeasures out;
  const std::size_t n = mesh.cell_count();
  out.center.resize(n), out.volume.assign(n, 0.0);
  for_blocks(n, 4096, [&](std::size_t begin, std::size_t end) {
    std::vector<Vec3> corners;
    std::vector<Face> faces;
    for (std::size_t c = begin; c < end; ++c) {
      faces.clear();
      if (mesh.types[c] == kPolyhedron) {
        std::size_t at = static_cast<std::size_t>(mesh.face_offsets[c]);
        for (std::int64_t left = mesh.faces[at++]; left > 0; --left) {
          corners.clear();
          for (std::int64_t k = mesh.faces[at++]; k > 0; --k)
            corners.push_back(mesh.points[static_cast<std::size_t>(mesh.faces[at++])]);
          faces.push_back(measure(corners));
        }
      } else {
        corners.clear();
        for (const int corner : faces_of(mesh.types[c])) {
          if (corner >= 0) {
            const std::size_t at = static_cast<std::size_t>(mesh.offsets[c] + corner);
            corners.push_back(mesh.points[static_cast<std::size_t>(mesh.corners[at])]);
          } else {
            faces.push_back(measure(corners));
            corners.clear();
          }
        }
      }
      out.center[c] = mesh.center(c);
      if (faces.empty()) continue;
      Vec3 middle{0, 0, 0}, weighted{0, 0, 0};
      for (const Face& f : faces) middle = middle + (1.0 / static_cast<double>(faces.size())) * f.center;
      for (const Face& f : faces) {
        const double pyramid = std::abs(dot(f.area, f.center - middle)) / 3;
        weighted = weighted + pyramid * (0.75 * f.center + 0.25 * middle);
        out.volume[c] += pyramid;
      }
      if (out.volume[c] > 0) out.center[c] = (1 / out.volume[c]) * weighted;
    }
  });
  return out;
}

}  // namespace streamtube::geometry
