#include "mesh_io/layouts/mesh_rows.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/error.hpp"
#include "geometry/cell_measures.hpp"

namespace streamtube::mesh_io {

using geometry::Association;

namespace {

constexpr double kSamePlace = 1e-6;  // of the extent

void add_row(MeshRows& rows, const Vec3& position, double size, std::size_t source) {
  rows.position.push_back(position), rows.size.push_back(size);
  rows.source.push_back(static_cast<std::int64_t>(source));
}

}  // namespace

MeshRows surface_rows(const geometry::SurfaceMesh& mesh, Association on) {
  MeshRows rows;
  const std::size_t faces = mesh.face_count();
  if (on == Association::faces) {
    for (std::size_t f = 0; f < faces; ++f) {
      const Vec3 area = mesh.area_vector(f);
      const double size = norm(area);
      if (!(static_cast<float>(size) > 0)) continue;
      add_row(rows, mesh.centroid(f), size, f);
      rows.normal.push_back((1 / size) * area);
    }
    return rows;
  }
  std::vector<Vec3> area(mesh.points.size(), Vec3{0, 0, 0});
  std::vector<std::int64_t> face(mesh.points.size(), -1);  // a face with an area
  for (std::size_t f = 0; f < faces; ++f) {
    const std::size_t corners = mesh.corner_count(f);
    const Vec3 share = (1.0 / static_cast<double>(corners)) * mesh.area_vector(f);
    if (!(norm(share) > 0)) continue;
    for (std::size_t k = 0; k < corners; ++k) {
      const auto p = static_cast<std::size_t>(mesh.corners[static_cast<std::size_t>(mesh.offsets[f]) + k]);
      area[p] = area[p] + share;
      if (face[p] < 0) face[p] = static_cast<std::int64_t>(f);
    }
  }
  for (std::size_t p = 0; p < mesh.points.size(); ++p) {
    if (face[p] < 0) continue;
    double size = norm(area[p]);
    Vec3 normal = area[p];
    // The two sides of a thin plate with common points cancel: a point without a say in the forces.
    const Vec3 one = mesh.area_vector(static_cast<std::size_t>(face[p]));
    if (!(size > 1e-9 * norm(one))) normal = one, size = 1e-9 * norm(one);
    if (!(static_cast<float>(size) > 0)) continue;
    add_row(rows, mesh.points[p], size, p);
    rows.normal.push_back((1 / norm(normal)) * normal);
  }
  return rows;
}

MeshRows volume_rows(const geometry::VolumeMesh& mesh, Association on) {
  MeshRows rows;
  const geometry::CellMeasures cells = geometry::measure_cells(mesh);
  if (on == Association::faces) {
    for (std::size_t c = 0; c < cells.center.size(); ++c) add_row(rows, cells.center[c], cells.volume[c], c);
  } else {
    std::vector<double> share(mesh.points.size(), 0.0);
    std::vector<char> used(mesh.points.size(), 0);
    for (std::size_t c = 0; c < mesh.cell_count(); ++c) {
      const auto begin = static_cast<std::size_t>(mesh.offsets[c]), end = static_cast<std::size_t>(mesh.offsets[c + 1]);
      for (std::size_t k = begin; k < end; ++k) {
        const auto p = static_cast<std::size_t>(mesh.corners[k]);
        share[p] += cells.volume[c] / static_cast<double>(end - begin);
        used[p] = 1;
      }
    }
    for (std::size_t p = 0; p < mesh.points.size(); ++p)
      if (used[p]) add_row(rows, mesh.points[p], share[p], p);
  }
  if (std::none_of(rows.size.begin(), rows.size.end(), [](double v) { return v > 0; })) rows.size.clear();
  return rows;
}

namespace {

template <class Mesh, class Weight>
geometry::Attribute average(const Mesh& mesh, const geometry::Attribute& array, const Weight& weight) {
  const bool to_points = array.association == Association::faces;
  const auto k = static_cast<std::size_t>(array.components);
  const std::size_t cells = mesh.offsets.empty() ? 0 : mesh.offsets.size() - 1;
  const std::size_t rows = to_points ? mesh.points.size() : cells;
  std::vector<double> sum(rows * k, 0.0), weights(rows, 0.0);
  for (std::size_t cell = 0; cell < cells; ++cell) {
    const double w = to_points ? weight(cell) : 1.0;
    for (std::int64_t i = mesh.offsets[cell]; i < mesh.offsets[cell + 1]; ++i) {
      const auto point = static_cast<std::size_t>(mesh.corners[static_cast<std::size_t>(i)]);
      const std::size_t from = to_points ? cell : point, to = to_points ? point : cell;
      for (std::size_t c = 0; c < k; ++c) sum[to * k + c] += w * double{array.values[from * k + c]};
      weights[to] += w;
    }
  }
  geometry::Attribute out{array.name, to_points ? Association::points : Association::faces, array.components, {}};
  out.values.resize(rows * k);
  for (std::size_t i = 0; i < rows * k; ++i)
    out.values[i] = weights[i / k] > 0 ? static_cast<float>(sum[i] / weights[i / k]) : 0.0f;
  return out;
}

}  // namespace

geometry::Attribute averaged(const geometry::SurfaceMesh& mesh, const geometry::Attribute& array) {
  return average(mesh, array, [&](std::size_t f) { return norm(mesh.area_vector(f)); });
}

geometry::Attribute averaged(const geometry::VolumeMesh& mesh, const geometry::Attribute& array) {
  return average(mesh, array, [](std::size_t) { return 1.0; });
}

std::vector<std::int64_t> match_points(const std::vector<Vec3>& positions, const std::vector<Vec3>& others) {
  std::vector<std::int64_t> out(positions.size(), -1);
  Box box;
  for (const Vec3& p : positions) box.add(p);
  if (box.empty() || others.empty()) return out;
  const double tolerance = kSamePlace * std::max(norm(box.size()), 1e-300);
  // The points in cubes twice as large as the tolerance, which is then never reached beyond the next cube.
  const double cube = 2 * tolerance;
  using Cube = std::array<std::int64_t, 3>;
  const auto cube_of = [&](const Vec3& p) {
    Cube c;
    for (std::size_t a = 0; a < 3; ++a) c[a] = static_cast<std::int64_t>(std::floor((p[a] - box.low[a]) / cube));
    return c;
  };
  const auto hash = [](const Cube& c) {
    std::uint64_t h = 0;
    for (const std::int64_t x : c) {
      h = (h ^ static_cast<std::uint64_t>(x)) * 0x9e3779b97f4a7c15u;
      h ^= h >> 29;
    }
    return static_cast<std::size_t>(h);
  };
  std::unordered_multimap<std::size_t, std::int64_t> grid;
  grid.reserve(others.size());
  const auto inside = [&](const Vec3& p) {
    for (std::size_t a = 0; a < 3; ++a)
      if (!(p[a] >= box.low[a] - tolerance && p[a] <= box.high[a] + tolerance)) return false;
    return true;
  };
  for (std::size_t i = 0; i < others.size(); ++i)
    if (inside(others[i])) grid.emplace(hash(cube_of(others[i])), static_cast<std::int64_t>(i));
  std::vector<char> taken(others.size(), 0);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    // The same place in both lists is the common case, and tells points in one place apart.
    if (i < others.size() && !taken[i] && norm(positions[i] - others[i]) <= tolerance) {
      out[i] = static_cast<std::int64_t>(i);
      taken[i] = 1;
      continue;
    }
    const Cube middle = cube_of(positions[i]);
    double nearest = tolerance;
    std::int64_t best = -1;
    for (std::int64_t dx = -1; dx <= 1; ++dx)
      for (std::int64_t dy = -1; dy <= 1; ++dy)
        for (std::int64_t dz = -1; dz <= 1; ++dz) {
          const auto range = grid.equal_range(hash({middle[0] + dx, middle[1] + dy, middle[2] + dz}));
          for (auto it = range.first; it != range.second; ++it) {
            const double d = norm(positions[i] - others[static_cast<std::size_t>(it->second)]);
            if (taken[static_cast<std::size_t>(it->second)]) continue;
            if (d < nearest || (d == nearest && (best < 0 || it->second < best))) nearest = d, best = it->second;
          }
        }
    if (best >= 0) taken[static_cast<std::size_t>(best)] = 1;
    out[i] = best;
  }
  return out;
}

}  // namespace streamtube::mesh_io
