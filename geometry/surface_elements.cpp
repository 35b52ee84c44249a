#include "geometry/surface_elements.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <unordered_map>

#include "core/error.hpp"
#include "geometry/polygons.hpp"

namespace streamtube::geometry {

namespace {
using Triangle = std::array<Vec3, 3>;

Triangle corners_of(const SurfaceMesh& mesh, std::size_t f, const std::array<int, 3>& t) {
  const auto at = [&](int i) { return mesh.corner(f, static_cast<std::size_t>(t[i])); };
  return {at(0), at(1), at(2)};
}

Vec3 area_of(const Triangle& t) { return 0.5 * cross(t[1] - t[0], t[2] - t[0]); }

// Of one cell: normals whose components round to the same tenths go together (within some 7 degrees).
constexpr double kDirections = 10;

struct LatticeKey {
  std::array<std::int32_t, 3> cell, direction;
  std::int32_t patch;
  auto tied() const { return std::tie(cell[2], cell[1], cell[0], patch, direction); }
  bool operator==(const LatticeKey& other) const { return tied() == other.tied(); }
  bool operator<(const LatticeKey& other) const { return tied() < other.tied(); }
};
struct LatticeHash {
  std::size_t operator()(const LatticeKey& key) const {
    std::uint64_t hash = static_cast<std::uint32_t>(key.patch);
    for (const auto* part : {&key.cell, &key.direction})
      for (const std::int32_t x : *part)
        hash = (hash ^ static_cast<std::uint32_t>(x)) * 0x9e3779b97f4a7c15u, hash ^= hash >> 29;
    return hash;
  }
};

std::int32_t cell_at(const Lattice& lattice, double x) {
  return static_cast<std::int32_t>(std::floor(x / lattice.width));
}

// A convex polygon; a triangle cut to a cell has at most nine corners.
struct Polygon {
  std::array<Vec3, 12> corner;
  int count = 0;
  void add(const Vec3& p) { corner[count++] = p; }
};

// Calls take(cell, piece) for the piece in every cell that the polygon reaches into.
template <typename Take>
void for_each_piece(const Lattice& lattice, const Vec3& normal, Polygon rest, int axis,
                    std::array<std::int32_t, 3>& cell, const Take& take) {
  if (axis == 3) return take(cell, rest);
  double least = rest.corner[0][axis], most = least;
  for (int i = 1; i < rest.count; ++i) {
    least = std::min(least, rest.corner[i][axis]), most = std::max(most, rest.corner[i][axis]);
  }
  // What lies flat in a plane between two cells, or nearly so, belongs to the one inside the body; and rounding is no
  // reason to reach into a cell.
  const double flat = 2e-3 * lattice.width, rounding = 1e-6 * lattice.width;
  std::int32_t last;
  if (most - least <= flat) {
    cell[axis] = last = cell_at(lattice, 0.5 * (least + most) - flat * normal[axis]);
  } else {
    cell[axis] = cell_at(lattice, least + rounding), last = cell_at(lattice, most - rounding);
  }
  for (; cell[axis] < last; ++cell[axis]) {
    const double plane = (cell[axis] + 1) * lattice.width;
    Polygon below, above;
    for (int i = 0; i < rest.count; ++i) {
      const Vec3 &p = rest.corner[i], &q = rest.corner[(i + 1) % rest.count];
      const double from = p[axis] - plane, to = q[axis] - plane;
      if (from <= 0) below.add(p);
      if (from >= 0) above.add(p);
      if ((from < 0 && to > 0) || (from > 0 && to < 0)) {
        Vec3 crossing = p + (from / (from - to)) * (q - p);
        crossing[axis] = plane;
        below.add(crossing), above.add(crossing);
      }
    }
    std::array<std::int32_t, 3> here = cell;
    if (below.count > 2) for_each_piece(lattice, normal, below, axis + 1, here, take);
    rest = above;
    if (rest.count < 3) return;
  }
  std::array<std::int32_t, 3> here = cell;
  for_each_piece(lattice, normal, rest, axis + 1, here, take);
}

}  // namespace

void for_each_element(const SurfaceMesh& mesh, double face_size, std::size_t block,
                      const std::function<void(std::span<const SurfaceElement>)>& take) {
  const double max_area = 2 * face_size * face_size, max_edge = 2.5 * face_size;
  std::vector<SurfaceElement> elements;
  elements.reserve(std::min<std::size_t>(block, std::size_t{1} << 16));
  const auto add = [&](const SurfaceElement& element) {
    elements.push_back(element);
    if (elements.size() == block) {
      take(elements);
      elements.clear();
    }
  };
  std::vector<Triangle> stack;
  std::vector<std::array<int, 3>> cut;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const auto face = static_cast<std::int64_t>(f);
    const Vec3 area = mesh.area_vector(f);
    const std::size_t corners = mesh.corner_count(f);
    bool small = norm(area) <= max_area;
    for (std::size_t i = 0; i < corners && small; ++i)
      small = norm(mesh.corner(f, (i + 1) % corners) - mesh.corner(f, i)) <= max_edge;
    if (small) {
      if (norm(area) > 0) add({mesh.centroid(f), area, norm(area), face, true});
      continue;
    }
    cut_polygon(mesh, f, cut);
    for (std::size_t i = cut.size(); i-- > 0;)  // last first: the stack turns the order round
      stack.push_back(corners_of(mesh, f, cut[i]));
    while (!stack.empty()) {
      const Triangle t = stack.back();
      stack.pop_back();
      std::array<double, 3> edge;
      for (int i = 0; i < 3; ++i) edge[i] = norm(t[(i + 1) % 3] - t[i]);
      const Vec3 vector = area_of(t);
      const int longest = static_cast<int>(std::max_element(edge.begin(), edge.end()) - edge.begin());
      if (norm(vector) <= max_area && edge[longest] <= max_edge) {
        if (norm(vector) > 0) add({(1.0 / 3.0) * (t[0] + t[1] + t[2]), vector, norm(vector), face, false});
        continue;
      }
      // A sliver of no area needs no value: cutting it on would only end in more of its kind.
      if (norm(vector) <= 1e-12 * edge[longest] * edge[longest]) continue;
      const Vec3 a = t[longest], b = t[(longest + 1) % 3], c = t[(longest + 2) % 3], middle = 0.5 * (a + b);
      stack.push_back({middle, b, c});
      stack.push_back({a, middle, c});
    }
  }
  if (!elements.empty()) take(elements);
}

Lattice Lattice::oblique(const Vec3& low, double width) {
  // Turned by 0.5, 0.4 and 0.6 about x, y and z: no row of cells runs along an axis or a diagonal.
  const auto turned = [](Vec3 v) {
    constexpr double kAngles[] = {0.5, 0.4, 0.6};
    for (int a = 0; a < 3; ++a) {
      double &p = v[(a + 1) % 3], &q = v[(a + 2) % 3];
      const double c = std::cos(kAngles[a]), s = std::sin(kAngles[a]), before = p;
      p = c * before - s * q, q = s * before + c * q;
    }
    return v;
  };
  return {low, width, {turned({1, 0, 0}), turned({0, 1, 0}), turned({0, 0, 1})}};
}

std::vector<SurfaceElement> lattice_elements(const SurfaceMesh& mesh, const Lattice& lattice,
                                             const std::vector<char>& left_out) {
  core::expect(lattice.width > 0, "lattice_elements: cells have no width");
  const auto along_axes = [&](const Vec3& v) {
    return Vec3{dot(v, lattice.axes[0]), dot(v, lattice.axes[1]), dot(v, lattice.axes[2])};
  };
  std::unordered_map<LatticeKey, std::size_t, LatticeHash> at;
  std::vector<std::pair<LatticeKey, SurfaceElement>> sums;  // position: times area
  std::vector<std::array<int, 3>> cut;
  double total = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const Vec3 face_area = mesh.area_vector(f);
    if (!(norm(face_area) > 0) || (!left_out.empty() && left_out[f])) continue;
    total += norm(face_area);
    const Vec3 normal = (1 / norm(face_area)) * along_axes(face_area);
    LatticeKey key{{}, {}, mesh.patch[f]};
    for (int a = 0; a < 3; ++a) key.direction[a] = static_cast<std::int32_t>(std::lround(kDirections * normal[a]));
    cut_polygon(mesh, f, cut);
    for (const auto& t : cut) {
      Polygon triangle;
      for (const Vec3& c : corners_of(mesh, f, t)) triangle.add(along_axes(c - lattice.low));
      for_each_piece(lattice, normal, triangle, 0, key.cell, [&](const auto& place, const Polygon& piece) {
        key.cell = place;
        const auto [found, fresh] = at.try_emplace(key, sums.size());
        if (fresh) sums.push_back({key, {{0, 0, 0}, {0, 0, 0}, 0, static_cast<std::int64_t>(f), false}});
        SurfaceElement& sum = sums[found->second].second;
        for (int k = 1; k + 1 < piece.count; ++k) {
          const Triangle part{piece.corner[0], piece.corner[k], piece.corner[k + 1]};
          const Vec3 vector = area_of(part);
          const double area = dot(vector, normal);  // below 0 where a bent polygon folds back
          sum.area_vector = sum.area_vector + vector, sum.area += area;
          sum.position = sum.position + (area / 3) * (part[0] + part[1] + part[2]);
        }
      });
    }
  }
  // What is no more than rounding, such as the sum of folds that cancel, has no place.
  std::erase_if(sums, [&](const auto& sum) { return !(sum.second.area > 1e-14 * total); });
  std::sort(sums.begin(), sums.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<SurfaceElement> out;
  out.reserve(sums.size());
  for (auto& [key, sum] : sums) {
    const Vec3 position = (1 / sum.area) * sum.position, vector = sum.area_vector;
    sum.position = lattice.low, sum.area_vector = {0, 0, 0};
    for (int a = 0; a < 3; ++a) {
      sum.position = sum.position + position[a] * lattice.axes[a];
      sum.area_vector = sum.area_vector + vector[a] * lattice.axes[a];
    }
    out.push_back(sum);
  }
  return out;
}

}  // namespace streamtube::geometry
