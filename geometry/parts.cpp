#include "geometry/parts.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace streamtube::geometry {

void append(SurfaceMesh& to, const SurfaceMesh& part, const std::string& name) {
  if (to.offsets.empty()) to.offsets = {0};
  const auto points = static_cast<std::int64_t>(to.points.size());
  const auto patches = static_cast<std::int32_t>(to.patch_names.size());
  to.points.insert(to.points.end(), part.points.begin(), part.points.end());
  const std::int64_t corners = to.offsets.back();
  for (std::size_t f = 0; f < part.face_count(); ++f) to.offsets.push_back(corners + part.offsets[f + 1]);
  for (const auto corner : part.corners) to.corners.push_back(points + corner);
  for (const auto patch : part.patch) to.patch.push_back(patches + patch);
  for (const auto& patch : part.patch_names)
    to.patch_names.push_back(part.patch_names.size() > 1 ? name + "/" + patch : name);
  to.attributes.clear();
}

SurfaceMesh without_patches(const SurfaceMesh& mesh, const std::vector<char>& drop) {
  SurfaceMesh out;
  out.points = mesh.points;
  out.file_unit = mesh.file_unit;
  out.unit_stated = mesh.unit_stated;
  out.offsets = {0};
  std::vector<std::int32_t> number(mesh.patch_names.size(), -1);
  for (std::size_t p = 0; p < number.size(); ++p) {
    if (drop[p]) continue;
    number[p] = static_cast<std::int32_t>(out.patch_names.size());
    out.patch_names.push_back(mesh.patch_names[p]);
  }
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const std::int32_t patch = number[static_cast<std::size_t>(mesh.patch[f])];
    if (patch < 0) continue;
    out.corners.insert(out.corners.end(), mesh.corners.begin() + mesh.offsets[f],
                       mesh.corners.begin() + mesh.offsets[f + 1]);
    out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
    out.patch.push_back(patch);
  }
  drop_unused_points(out);
  return out;
}

std::vector<std::int64_t> drop_unused_points(SurfaceMesh& mesh) {
  std::vector<std::int64_t> new_index(mesh.points.size(), -1), kept;
  for (const std::int64_t c : mesh.corners) new_index[static_cast<std::size_t>(c)] = 0;
  for (std::size_t i = 0; i < new_index.size(); ++i)
    if (new_index[i] == 0) {
      new_index[i] = static_cast<std::int64_t>(kept.size());
      kept.push_back(static_cast<std::int64_t>(i));
    }
  for (std::int64_t& c : mesh.corners) c = new_index[static_cast<std::size_t>(c)];
  std::vector<Vec3> points(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) points[i] = mesh.points[static_cast<std::size_t>(kept[i])];
  mesh.points = std::move(points);
  return kept;
}

std::vector<PatchSize> patch_sizes(const SurfaceMesh& mesh) {
  std::vector<PatchSize> sizes(mesh.patch_names.size());
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    PatchSize& size = sizes[static_cast<std::size_t>(mesh.patch[f])];
    ++size.faces;
    size.area += norm(mesh.area_vector(f));
  }
  return sizes;
}

FlatPieces suspected_ground(const SurfaceMesh& mesh, double z) {
  const double near = 0.05 * mesh.bounds().size()[2];
  const auto at_ground = [&](std::size_t f) {
    for (std::size_t i = 0; i < mesh.corner_count(f); ++i)
      if (std::abs(mesh.corner(f, i)[2] - z) > near) return false;
    return true;
  };
  // Nearly every body is cleared by this much: what lies down there does not reach beyond the rest.
  Box low, high;
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::size_t i = 0; i < mesh.corner_count(f); ++i) (at_ground(f) ? low : high).add(mesh.corner(f, i));
  const auto reaches_beyond = [](const Box& ground, const Box& rest) {
    if (ground.empty() || rest.empty()) return false;
    const double margin = 0.1 * rest.size()[1];
    for (int a = 0; a < 2; ++a)
      if (!(ground.low[a] < rest.low[a] - margin && ground.high[a] > rest.high[a] + margin)) return false;
    return true;
  };
  if (!reaches_beyond(low, high)) return {};

  // Pieces: faces connected by points, equal coordinates being one point.
  std::vector<std::size_t> order(mesh.points.size()), root(mesh.points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::iota(root.begin(), root.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return mesh.points[a] < mesh.points[b]; });
  const auto find = [&](std::size_t i) {
    while (root[i] != i) i = root[i] = root[root[i]];
    return i;
  };
  for (std::size_t i = 1; i < order.size(); ++i)
    if (mesh.points[order[i]] == mesh.points[order[i - 1]]) root[find(order[i])] = find(order[i - 1]);
  const auto corner_root = [&](std::size_t f, std::size_t i) {
    return find(static_cast<std::size_t>(mesh.corners[static_cast<std::size_t>(mesh.offsets[f]) + i]));
  };
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::size_t i = 1; i < mesh.corner_count(f); ++i) root[corner_root(f, i)] = corner_root(f, 0);
  std::vector<char> stands(mesh.points.size(), 0);  // [root] a face of the piece leaves the ground
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    if (!at_ground(f)) stands[corner_root(f, 0)] = 1;

  FlatPieces found;
  Box rest;
  std::set<std::string> patches;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const bool flat = !stands[corner_root(f, 0)];
    for (std::size_t i = 0; i < mesh.corner_count(f); ++i) (flat ? found.bounds : rest).add(mesh.corner(f, i));
    if (!flat) continue;
    ++found.faces;
    patches.insert(mesh.patch_names[static_cast<std::size_t>(mesh.patch[f])]);
  }
  if (!reaches_beyond(found.bounds, rest)) return {};
  found.patches.assign(patches.begin(), patches.end());
  return found;
}

}  // namespace streamtube::geometry
