#include "geometry/parts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <span>

#include "core/sequences.hpp"
#include "geometry/distance.hpp"
#include "geometry/solid_operations.hpp"
#include "geometry/topology.hpp"

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

SurfaceMesh without_faces(const SurfaceMesh& mesh, const std::vector<char>& drop) {
  SurfaceMesh out;
  out.points = mesh.points;
  out.file_unit = mesh.file_unit, out.unit_stated = mesh.unit_stated;
  out.patch_names = mesh.patch_names;
  out.offsets = {0};
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    if (drop[f]) continue;
    out.corners.insert(out.corners.end(), mesh.corners.begin() + mesh.offsets[f],
                       mesh.corners.begin() + mesh.offsets[f + 1]);
    out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
    out.patch.push_back(mesh.patch[f]);
  }
  drop_unused_points(out);
  return out;
}

namespace {

// Faces connected by points, equal coordinates being one point. [F] number of the piece.
std::vector<std::size_t> pieces_of(const SurfaceMesh& mesh, std::size_t& count) {
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
  constexpr std::size_t kNew = ~std::size_t{0};
  std::vector<std::size_t> number(mesh.points.size(), kNew), piece(mesh.face_count());
  count = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    std::size_t& n = number[corner_root(f, 0)];
    if (n == kNew) n = count++;
    piece[f] = n;
  }
  return piece;
}

void add(Box& box, const Box& other) {
  if (!other.empty()) box.add(other.low), box.add(other.high);
}

double longest(const Box& box) {
  const Vec3 size = box.size();
  return std::max({size[0], size[1], size[2]});
}

// Whether all corners of the faces lie in one of the sides of the box, a whole face in the same.
bool is_shell(const SurfaceMesh& mesh, const std::vector<std::size_t>& piece, std::size_t which, const Box& box) {
  const double near = 1e-4 * longest(box);
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    if (piece[f] != which) continue;
    bool in_side = false;
    for (int a = 0; a < 3 && !in_side; ++a)
      for (const double at : {box.low[a], box.high[a]}) {
        bool all = true;
        for (std::size_t i = 0; all && i < mesh.corner_count(f); ++i) all = std::abs(mesh.corner(f, i)[a] - at) < near;
        in_side = in_side || all;
      }
    if (!in_side) return false;
  }
  return true;
}

// Of what stands free in the box, nearer to no side than to others, only bodies make it a tunnel, not a hollow.
bool is_tunnel(const Box& box, const Box& rest, bool solid) {
  const double near = 1e-4 * longest(box);
  const Vec3 outer = box.size(), inner = rest.size();
  int longer = 0, wider = 0, stands = 0;
  for (int a = 0; a < 3; ++a) {
    if (rest.low[a] < box.low[a] - near || rest.high[a] > box.high[a] + near) return false;
    longer += outer[a] > 1.5 * inner[a], wider += outer[a] > 2 * inner[a];
    stands += std::min(rest.low[a] - box.low[a], box.high[a] - rest.high[a]) < 0.05 * outer[a];
  }
  return longer == 3 && wider >= 2 && (stands == 1 || (stands == 0 && solid));
}

}  // namespace

Surroundings find_surroundings(const SurfaceMesh& mesh) {
  Surroundings out;
  std::size_t count;
  const std::vector<std::size_t> piece = pieces_of(mesh, count);
  if (count < 2) return out;
  std::vector<Box> boxes(count);
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    for (std::size_t i = 0; i < mesh.corner_count(f); ++i) boxes[piece[f]].add(mesh.corner(f, i));
  Box whole;
  for (const Box& box : boxes) add(whole, box);
  std::vector<char> around(count, 0);
  const auto rest_of = [&](const std::vector<char>& left_out) {
    Box rest;
    for (std::size_t p = 0; p < count; ++p)
      if (!left_out[p]) add(rest, boxes[p]);
    return rest;
  };
  // The largest piece, when it is a box around all others.
  const auto largest = static_cast<std::size_t>(
      std::max_element(boxes.begin(), boxes.end(), [](const Box& a, const Box& b) { return longest(a) < longest(b); }) -
      boxes.begin());
  around[largest] = 1;
  double volume = 0;  // of the rest; below 0 where its normals look inward
  for (std::size_t f = 0; f < mesh.face_count(); ++f)
    if (piece[f] != largest) volume += dot(mesh.centroid(f) - boxes[largest].low, mesh.area_vector(f)) / 3;
  bool found = out.tunnel =
      is_tunnel(boxes[largest], rest_of(around), volume > 0) && is_shell(mesh, piece, largest, boxes[largest]);
  for (int axis = 0; !found && axis < 3; ++axis)
    for (const bool high : {false, true}) {
      if (found) break;
      const double zone = 0.05 * whole.size()[axis];
      Box flat;
      for (std::size_t p = 0; p < count; ++p) {
        around[p] =
            high ? boxes[p].low[axis] >= whole.high[axis] - zone : boxes[p].high[axis] <= whole.low[axis] + zone;
        if (around[p]) add(flat, boxes[p]);
      }
      const Box rest = rest_of(around);
      if (flat.empty() || rest.empty()) continue;
      found = true;
      const int u = (axis + 1) % 3, v = (axis + 2) % 3;
      const double margin = 0.1 * std::min(rest.size()[u], rest.size()[v]);
      for (const int a : {u, v})
        found = found && flat.low[a] < rest.low[a] - margin && flat.high[a] > rest.high[a] + margin;
    }
  if (!found) return out;
  out.of.assign(mesh.face_count(), 0);
  std::set<std::string> patches;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    if (!around[piece[f]]) continue;
    out.of[f] = 1, ++out.faces;
    patches.insert(mesh.patch_names[static_cast<std::size_t>(mesh.patch[f])]);
  }
  for (std::size_t p = 0; p < count; ++p)
    if (around[p]) add(out.bounds, boxes[p]);
  out.patches.assign(patches.begin(), patches.end());
  return out;
}

Lids close_at(SurfaceMesh& mesh, double z) {
  Lids out;
  const Topology topology(mesh);
  std::map<Id, int> number;  // of the vertices of borders
  std::vector<Id> vertices;
  std::vector<std::array<double, 2>> points;
  std::vector<std::array<int, 2>> sides;
  std::vector<std::int32_t> patch_of;  // [sides]
  topology.for_edges([&](Id low, std::span<const Topology::Use> uses) {
    if (uses.size() != 1) return;
    const Id ends[2] = {low, uses[0].high};
    for (const Id v : ends)
      if (mesh.points[topology.vertex_point[v]][2] != z) return;
    std::array<int, 2> side{};
    for (int i = 0; i < 2; ++i) {
      const auto [at, added] = number.try_emplace(ends[i], static_cast<int>(points.size()));
      if (added) {
        const Vec3& p = mesh.points[topology.vertex_point[ends[i]]];
        points.push_back({p[0], p[1]}), vertices.push_back(topology.vertex_point[ends[i]]);
      }
      side[static_cast<std::size_t>(i)] = at->second;
    }
    sides.push_back(side), patch_of.push_back(mesh.patch[uses[0].face]);
  });
  const auto triangles = triangulate_outlines(points, sides);
  if (triangles.empty()) return out;
  // One lid: triangles that share a point. Its patch: that of most of its border.
  std::vector<std::size_t> root(points.size());
  std::iota(root.begin(), root.end(), std::size_t{0});
  const auto find = [&](int i) {
    auto r = static_cast<std::size_t>(i);
    while (root[r] != r) r = root[r] = root[root[r]];
    return r;
  };
  for (const auto& t : triangles)
    for (const int corner : t) root[find(corner)] = find(t[0]);
  std::map<std::size_t, std::map<std::int32_t, int>> votes;
  for (std::size_t s = 0; s < sides.size(); ++s) ++votes[find(sides[s][0])][patch_of[s]];
  std::set<std::size_t> lids;
  for (const auto& t : triangles) {
    const auto& of = votes[find(t[0])];
    lids.insert(find(t[0]));
    for (const int corner : {t[0], t[2], t[1]})  // looking down
      mesh.corners.push_back(vertices[static_cast<std::size_t>(corner)]);
    mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
    mesh.patch.push_back(std::max_element(of.begin(), of.end(), [](const auto& a, const auto& b) {
                           return a.second < b.second;
                         })->first);
    out.area += norm(mesh.area_vector(mesh.face_count() - 1));
  }
  out.count = lids.size(), out.faces = triangles.size();
  mesh.attributes.clear();
  return out;
}

std::vector<char> faces_at_ground(const SurfaceMesh& mesh, double z) {
  std::vector<char> out(mesh.face_count(), 1);
  bool any = false;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    for (std::size_t i = 0; i < mesh.corner_count(f); ++i)
      if (mesh.corner(f, i)[2] > z) out[f] = 0;
    any = any || out[f];
  }
  if (!any) out.clear();
  return out;
}

double complete_half(SurfaceMesh& mesh, int axis) {
  const Box box = mesh.bounds();
  const Vec3 size = box.size();
  const double near = 1e-5 * std::max({size[0], size[1], size[2]});
  // Of each end: the length of the open edges in its plane, and the area there.
  double rim[2] = {0, 0}, flat[2] = {0, 0};
  const double ends[2] = {box.low[axis], box.high[axis]};
  const Topology topology(mesh);
  for (int end = 0; end < 2; ++end) {
    const auto at_end = [&](const Vec3& p) { return std::abs(p[axis] - ends[end]) <= near; };
    for (std::size_t f = 0; f < mesh.face_count(); ++f) {
      bool all = true;
      for (std::size_t i = 0; all && i < mesh.corner_count(f); ++i) all = at_end(mesh.corner(f, i));
      if (all) flat[end] += norm(mesh.area_vector(f));
    }
    topology.for_edges([&](Id low, std::span<const Topology::Use> uses) {
      const Vec3 &a = mesh.points[topology.vertex_point[low]], &b = mesh.points[topology.vertex_point[uses[0].high]];
      if (uses.size() == 1 && at_end(a) && at_end(b)) rim[end] += norm(b - a);
    });
  }
  const auto clearly = [](const double(&of)[2]) { return std::max(of[0], of[1]) > 1.5 * std::min(of[0], of[1]); };
  const int end = clearly(rim)    ? rim[1] > rim[0]
                  : clearly(flat) ? flat[1] > flat[0]
                                  : std::abs(ends[1]) < std::abs(ends[0]);
  const double plane = ends[end];
  std::vector<char> drop(mesh.face_count(), 0);
  for (Vec3& p : mesh.points)
    if (std::abs(p[axis] - plane) <= near) p[axis] = plane;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    drop[f] = 1;
    for (std::size_t i = 0; drop[f] && i < mesh.corner_count(f); ++i) drop[f] = mesh.corner(f, i)[axis] == plane;
  }
  mesh = without_faces(mesh, drop);
  const std::size_t points = mesh.points.size(), faces = mesh.face_count();
  std::vector<std::int64_t> image(points);
  for (std::size_t i = 0; i < points; ++i) {
    Vec3 p = mesh.points[i];
    image[i] = static_cast<std::int64_t>(p[axis] == plane ? i : mesh.points.size());
    if (p[axis] == plane) continue;
    p[axis] = 2 * plane - p[axis];
    mesh.points.push_back(p);
  }
  for (std::size_t f = 0; f < faces; ++f) {
    for (auto i = mesh.offsets[f + 1]; i-- > mesh.offsets[f];)
      mesh.corners.push_back(image[static_cast<std::size_t>(mesh.corners[static_cast<std::size_t>(i)])]);
    mesh.offsets.push_back(static_cast<std::int64_t>(mesh.corners.size()));
    mesh.patch.push_back(mesh.patch[f]);
  }
  return plane;
}

double shared_space(const SurfaceMesh& one, const SurfaceMesh& other) {
  const Box a = one.bounds(), b = other.bounds();
  Box all = a;
  all.add(b.low), all.add(b.high);
  double both = 1, either = 1;
  for (int k = 0; k < 3; ++k) {
    both *= std::max(0.0, std::min(a.high[k], b.high[k]) - std::max(a.low[k], b.low[k]));
    either *= all.high[k] - all.low[k];
  }
  if (!(both > 0.5 * either)) return 0;
  const DistanceField first(one), second(other);
  const core::Sobol draws(3, 0);
  std::vector<Vec3> places(4096);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::vector<double> at = draws.point(i);
    for (std::size_t k = 0; k < 3; ++k) places[i][k] = all.low[k] + at[k] * (all.high[k] - all.low[k]);
  }
  const std::vector<char> in_first = first.inside(places), in_second = second.inside(places);
  std::size_t common = 0, filled = 0;
  for (std::size_t i = 0; i < places.size(); ++i)
    common += in_first[i] && in_second[i], filled += in_first[i] || in_second[i];
  return filled == 0 ? 0 : static_cast<double>(common) / static_cast<double>(filled);
}

}  // namespace streamtube::geometry
