#include "geometry/car_surface.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "core/error.hpp"
#include "geometry/surface_remesh.hpp"

namespace streamtube::geometry {
namespace {

using Index = std::int64_t;
using Triangle = std::array<Index, 3>;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }
FeatureMesh::Edge edge_of(Index a, Index b) { return {std::min(a, b), std::max(a, b)}; }

// Places of the half y >= 0 of a car; the sharp edges follow.
enum Place { kSkin, kFlat, kMiddle, kRim, kCrease };

// ---- Isosurface

// Values of the body at the points of a grid, as far as they are near the surface.
class Samples {
 public:
  static constexpr double kCell = 0.005;  // m: under half of the thinnest part, a spoiler

  explicit Samples(const CarBody& body) : body_(body), low_(body.half_box().low) {
    const Vec3 size = body.half_box().size();
    for (std::size_t k = 0; k < 3; ++k) blocks_[k] = static_cast<int>(std::ceil(size[k] / kCell / kBlock));
    for (std::size_t k = 0; k < 3; ++k) points_[k] = blocks_[k] * kBlock + 1;
    values_.assign(at(Index{points_[0]} * points_[1] * points_[2]), std::numeric_limits<double>::quiet_NaN());
    std::array<int, 3> b;
    for (b[0] = 0; b[0] < blocks_[0]; ++b[0])
      for (b[1] = 0; b[1] < blocks_[1]; ++b[1])
        for (b[2] = 0; b[2] < blocks_[2]; ++b[2]) visit({b[0] * kBlock, b[1] * kBlock, b[2] * kBlock}, kBlock);
  }

  // Cells that the surface may cross, by their lowest points.
  const std::vector<std::array<int, 3>>& cells() const { return cells_; }
  Index index(const std::array<int, 3>& i) const { return (Index{i[0]} * points_[1] + i[1]) * points_[2] + i[2]; }
  double value(Index i) const { return values_[at(i)]; }
  Vec3 point(Index i) const {
    const Index z = i % points_[2], y = i / points_[2] % points_[1], x = i / points_[2] / points_[1];
    return {low_[0] + kCell * double(x), low_[1] + kCell * double(y), low_[2] + kCell * double(z)};
  }

 private:
  static constexpr int kBlock = 8;

  // Leaves out what is too far from the surface: the body's function grows by less than kSteep a metre.
  void visit(const std::array<int, 3>& corner, int size) {
    constexpr double kSteep = 1.8;
    const double half = 0.5 * size * kCell;
    Vec3 middle = point(index(corner));
    for (double& x : middle) x += half;
    if (std::abs(body_.at(middle)) > kSteep * std::sqrt(3.0) * half) return;
    if (size > 2) {
      for (int k = 0; k < 8; ++k) {
        const int next = size / 2;
        visit({corner[0] + (k & 1) * next, corner[1] + (k >> 1 & 1) * next, corner[2] + (k >> 2) * next}, next);
      }
      return;
    }
    for (int x = 0; x <= size; ++x)
      for (int y = 0; y <= size; ++y)
        for (int z = 0; z <= size; ++z) {
          const std::array<int, 3> i{corner[0] + x, corner[1] + y, corner[2] + z};
          double& value = values_[at(index(i))];
          if (std::isnan(value)) value = body_.at(point(index(i)));
          if (x < size && y < size && z < size) cells_.push_back(i);
        }
  }

  const CarBody& body_;
  Vec3 low_;
  std::array<int, 3> blocks_{}, points_{};
  std::vector<double> values_;
  std::vector<std::array<int, 3>> cells_;
};

// Six tetrahedra a cell, cut by the surface: whatever the values, the result is a manifold.
class Isosurface {
 public:
  explicit Isosurface(const Samples& samples) : samples_(samples) {
    constexpr int kOrders[6][3] = {{0, 1, 2}, {1, 2, 0}, {2, 0, 1}, {0, 2, 1}, {2, 1, 0}, {1, 0, 2}};
    for (const auto& cell : samples.cells())
      for (int o = 0; o < 6; ++o) {
        std::array<int, 3> corner = cell;
        std::array<Index, 4> tetrahedron{samples.index(corner)};
        for (std::size_t k = 0; k < 3; ++k) {
          ++corner[static_cast<std::size_t>(kOrders[o][k])];
          tetrahedron[k + 1] = samples.index(corner);
        }
        cut(tetrahedron, o >= 3);
      }
  }
  std::vector<Vec3> points;
  std::vector<Triangle> triangles;

 private:
  // mirrored: its corners turn the other way round.
  void cut(const std::array<Index, 4>& t, bool mirrored) {
    int inside = 0;
    for (std::size_t k = 0; k < 4; ++k) inside |= (samples_.value(t[k]) < 0) << k;
    if (inside == 0 || inside == 15) return;
    // Even permutations that begin with the corners on one side of the surface.
    constexpr int kOne[4][4] = {{0, 1, 2, 3}, {1, 0, 3, 2}, {2, 0, 1, 3}, {3, 0, 2, 1}};
    constexpr int kTwo[6][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}, {1, 2, 0, 3}, {1, 3, 2, 0}, {2, 3, 0, 1}};
    const auto edge = [&](int a, int b) {
      return crossing(t[static_cast<std::size_t>(a)], t[static_cast<std::size_t>(b)]);
    };
    const auto add = [&](Index a, Index b, Index c, bool turned) {
      triangles.push_back(turned ? Triangle{a, c, b} : Triangle{a, b, c});
    };
    for (const auto& p : kOne) {
      const int bit = 1 << p[0];
      if (inside == bit || inside == 15 - bit)
        add(edge(p[0], p[1]), edge(p[0], p[2]), edge(p[0], p[3]), mirrored != (inside != bit));
    }
    for (const auto& p : kTwo)
      if (inside == (1 << p[0] | 1 << p[1])) {
        const Index a = edge(p[0], p[2]), b = edge(p[0], p[3]), c = edge(p[1], p[3]), d = edge(p[1], p[2]);
        add(a, b, c, mirrored), add(a, c, d, mirrored);
      }
  }

  Index crossing(Index a, Index b) {
    if (a > b) std::swap(a, b);
    // Ends of an edge differ by 0 or 1 along each axis.
    const auto key = std::pair{a, b};
    const auto [found, fresh] = known_.try_emplace(key, static_cast<Index>(points.size()));
    if (fresh) {
      const double u = samples_.value(a), v = samples_.value(b);
      // Not on the grid's points, where several would coincide.
      const double t = std::clamp(u / (u - v), 1e-4, 1 - 1e-4);
      const Vec3 p = samples_.point(a);
      points.push_back(p + t * (samples_.point(b) - p));
    }
    return found->second;
  }
  struct Hash {
    std::size_t operator()(const std::pair<Index, Index>& e) const {
      return (static_cast<std::uint64_t>(e.first) * 0x9e3779b97f4a7c15u) ^
             (static_cast<std::uint64_t>(e.second - e.first) * 0xc2b2ae3d27d4eb4fu);
    }
  };
  const Samples& samples_;
  std::unordered_map<std::pair<Index, Index>, Index, Hash> known_;
};

// The largest connected piece, for a void between parts is none of the outside.
FeatureMesh largest_piece(const Isosurface& surface) {
  std::vector<Index> root(surface.points.size());
  std::iota(root.begin(), root.end(), Index{0});
  const auto find = [&](Index v) {
    while (root[at(v)] != v) v = root[at(v)] = root[at(root[at(v)])];
    return v;
  };
  for (const Triangle& t : surface.triangles)
    for (std::size_t k = 1; k < 3; ++k) root[at(find(t[k]))] = find(t[0]);
  std::vector<Index> count(root.size(), 0), number(root.size(), -1);
  for (const Triangle& t : surface.triangles) ++count[at(find(t[0]))];
  const Index largest = std::max_element(count.begin(), count.end()) - count.begin();
  FeatureMesh out;
  for (const Triangle& t : surface.triangles) {
    if (find(t[0]) != largest) continue;
    Triangle corners;
    for (std::size_t k = 0; k < 3; ++k) {
      Index& n = number[at(t[k])];
      if (n < 0) n = static_cast<Index>(out.points.size()), out.points.push_back(surface.points[at(t[k])]);
      corners[k] = n;
    }
    out.triangles.push_back(corners);
  }
  out.place.assign(out.triangles.size(), kSkin);
  return out;
}

// Keeps the borders and closes those under the wheels.
void close_feet(FeatureMesh& mesh) {
  std::map<Index, Index> after;
  std::map<FeatureMesh::Edge, int> uses;
  for (const Triangle& t : mesh.triangles)
    for (std::size_t k = 0; k < 3; ++k) ++uses[edge_of(t[k], t[(k + 1) % 3])];
  for (const Triangle& t : mesh.triangles)
    for (std::size_t k = 0; k < 3; ++k) {
      const Index a = t[k], b = t[(k + 1) % 3];
      if (uses.at(edge_of(a, b)) != 1) continue;
      const bool middle = mesh.points[at(a)][1] == 0 && mesh.points[at(b)][1] == 0;
      mesh.kept[edge_of(a, b)] = middle ? kMiddle : kRim;
      if (!middle) after[b] = a;
    }
  while (!after.empty()) {
    const Index first = after.begin()->first, centre = static_cast<Index>(mesh.points.size());
    Vec3 sum{0, 0, 0};
    double count = 0;
    Index v = first;
    do {
      const auto found = after.find(v);
      core::expect(found != after.end(), "car_surface: the border of a foot is open");
      mesh.triangles.push_back({v, found->second, centre}), mesh.place.push_back(kFlat);
      sum = sum + mesh.points[at(v)], ++count;
      v = found->second, after.erase(found);
    } while (v != first);
    mesh.points.push_back((1 / count) * sum);
  }
}

// ---- Where points of the surface may be

// Wanted lengths of edges: short where the surface is curved, growing away from there by a bounded rate.
class SizeField {
 public:
  SizeField(const Box& box, double longest) : low_(box.low) {
    const Vec3 size = box.size();
    for (std::size_t k = 0; k < 3; ++k) count_[k] = static_cast<int>(std::ceil(size[k] / kCell)) + 2;
    values_.assign(at(Index{count_[0]} * count_[1] * count_[2]), longest);
  }
  void require(const Vec3& p, double size) {
    std::array<int, 3> i;
    for (std::size_t k = 0; k < 3; ++k)
      i[k] = std::clamp(static_cast<int>(std::nearbyint((p[k] - low_[k]) / kCell)), 0, count_[k] - 1);
    double& value = values_[index(i[0], i[1], i[2])];
    value = std::min(value, size);
  }
  // There and back again through the grid, as distances are swept.
  void grade() {
    constexpr double kGrowth = 0.35;
    for (int sweep = 0; sweep < 4; ++sweep)
      for (int n = 0; n < count_[0] * count_[1] * count_[2]; ++n) {
        const int i = sweep % 2 == 0 ? n : count_[0] * count_[1] * count_[2] - 1 - n;
        const int z = i % count_[2], y = i / count_[2] % count_[1], x = i / count_[2] / count_[1];
        double& value = values_[static_cast<std::size_t>(i)];
        for (int dx = -1; dx <= 1; ++dx)
          for (int dy = -1; dy <= 1; ++dy)
            for (int dz = -1; dz <= 1; ++dz) {
              const int u = x + dx, v = y + dy, w = z + dz;
              if (u < 0 || v < 0 || w < 0 || u >= count_[0] || v >= count_[1] || w >= count_[2]) continue;
              const double far = kCell * std::sqrt(double(dx * dx + dy * dy + dz * dz));
              value = std::min(value, values_[index(u, v, w)] + kGrowth * far);
            }
      }
  }
  double at_point(const Vec3& p) const {
    std::array<int, 3> i;
    Vec3 t;
    for (std::size_t k = 0; k < 3; ++k) {
      const double s = std::clamp((p[k] - low_[k]) / kCell, 0.0, double(count_[k]) - 1.001);
      i[k] = static_cast<int>(s), t[k] = s - i[k];
    }
    double sum = 0;
    for (int k = 0; k < 8; ++k) {
      const int x = k & 1, y = k >> 1 & 1, z = k >> 2;
      sum += (x ? t[0] : 1 - t[0]) * (y ? t[1] : 1 - t[1]) * (z ? t[2] : 1 - t[2]) *
             values_[index(i[0] + x, i[1] + y, i[2] + z)];
    }
    return sum;
  }

 private:
  static constexpr double kCell = 0.008;  // m
  std::size_t index(int x, int y, int z) const { return at((Index{x} * count_[1] + y) * count_[2] + z); }
  Vec3 low_;
  std::array<int, 3> count_{};
  std::vector<double> values_;
};

class CarPlaces : public Places {
 public:
  CarPlaces(const CarBody& body, double triangle) : body_(body), sizes_(body.half_box(), triangle) {}

  Vec3 project(const Vec3& p, int place) const override {
    return onto(p,
                place == kMiddle                  ? 1
                : place == kRim || place == kFlat ? 2
                                                  : -1,
                place != kFlat, place >= kCrease ? place - kCrease : -1);
  }
  // Where the body's function (if skin), a crease (if not -1) and a plane across an axis (if not -1) are 0.
  Vec3 onto(Vec3 p, int axis, bool skin, int crease) const {
    constexpr int kSteps = 8;
    constexpr double kClose = 1e-7, kLongest = 0.0015;  // m
    if (axis == 1) p[1] = 0;
    if (axis == 2) p[2] = CarBody::kFoot;
    for (int i = 0; skin && i < kSteps; ++i) {
      auto [f, g] = body_.slope(p);
      const double c = crease >= 0 ? body_.crease(std::size_t(crease), p) : 0;
      if (std::abs(f) < kClose && std::abs(c) < kClose) break;
      Vec3 h = crease >= 0 ? crease_gradient(std::size_t(crease), p) : Vec3{0, 0, 0};
      if (axis >= 0) g[std::size_t(axis)] = h[std::size_t(axis)] = 0;
      const double gg = std::max(dot(g, g), 0.05), gh = dot(g, h), hh = dot(h, h), det = gg * hh - gh * gh;
      // The shortest step that meets both; the skin alone where they are nearly parallel.
      const bool both = det > 0.01 * gg * hh;
      const double a = both ? (f * hh - c * gh) / det : f / gg, b = both ? (c * gg - f * gh) / det : 0;
      const Vec3 step = a * g + b * h;
      const double length = norm(step);
      p = p - (length > kLongest ? kLongest / length : 1.0) * step;
    }
    return p;
  }
  Vec3 normal(const Vec3& p, int place) const override {
    if (place == kFlat) return {0, 0, -1};
    const Vec3 g = body_.slope(p).gradient;
    return (1 / std::max(norm(g), 1e-9)) * g;
  }
  double distance(const Vec3& p, int place) const override {
    if (place == kFlat) return 0;
    const double skin = std::abs(body_.at(p));
    return place < kCrease ? skin : std::max(skin, std::abs(body_.crease(std::size_t(place - kCrease), p)));
  }
  double size(const Vec3& p) const override { return sizes_.at_point(p); }

  void project_all(FeatureMesh& mesh) const {
    std::vector<int> place(mesh.points.size(), kSkin);
    for (const auto& [edge, kept] : mesh.kept) place[at(edge.first)] = place[at(edge.second)] = kept;
    for (std::size_t t = 0; t < mesh.triangles.size(); ++t)
      if (mesh.place[t] == kFlat) place[at(mesh.triangles[t][2])] = kFlat;
    for (std::size_t v = 0; v < mesh.points.size(); ++v) mesh.points[v] = project(mesh.points[v], place[v]);
  }

  // Reads the curvature off the normals of neighbours. sag: how far the middle of an edge may be from the surface, m
  void learn_sizes(const FeatureMesh& mesh, double sag, double shortest) {
    std::vector<Vec3> normals;
    std::vector<bool> counts;  // not on the round of a sharp edge, which no triangle follows
    for (const Vec3& p : mesh.points) normals.push_back(normal(p, kSkin)), counts.push_back(!on_round(p));
    for (std::size_t t = 0; t < mesh.triangles.size(); ++t) {
      if (mesh.place[t] != kSkin) continue;
      for (std::size_t k = 0; k < 3; ++k) {
        const Index a = mesh.triangles[t][k], b = mesh.triangles[t][(k + 1) % 3];
        const Vec3 way = mesh.points[at(b)] - mesh.points[at(a)];
        constexpr double kLeast = 0.001;  // m
        if (!counts[at(a)] || !counts[at(b)] || norm(way) < kLeast) continue;
        const double curvature = norm(normals[at(b)] - normals[at(a)]) / norm(way);
        const double size = std::max(shortest, std::sqrt(8 * sag / std::max(curvature, 1e-6)));
        sizes_.require(mesh.points[at(a)], size), sizes_.require(mesh.points[at(b)], size);
      }
    }
    sizes_.grade();
  }

 private:
  Vec3 crease_gradient(std::size_t which, const Vec3& p) const {
    constexpr double h = 2e-4;
    Vec3 out;
    for (std::size_t k = 0; k < 3; ++k) {
      Vec3 ahead = p, back = p;
      ahead[k] += h, back[k] -= h;
      out[k] = (body_.crease(which, ahead) - body_.crease(which, back)) / (2 * h);
    }
    return out;
  }
  bool on_round(const Vec3& p) const {
    constexpr double kReach = 2 * CarBody::kEdge;
    for (std::size_t k = 0; k < body_.creases(); ++k)
      if (std::abs(body_.crease(k, p)) < kReach && body_.sharp(k, p)) return true;
    return false;
  }

  const CarBody& body_;
  SizeField sizes_;
};

// ---- Sharp edges

// Cuts the triangles that a crease crosses and keeps the edges along it.
void cut_crease(FeatureMesh& mesh, const CarBody& body, const CarPlaces& places, std::size_t crease) {
  const int place = kCrease + static_cast<int>(crease);
  std::vector<double> side;
  for (const Vec3& p : mesh.points) side.push_back(body.crease(crease, p));
  std::map<FeatureMesh::Edge, Index> cuts;  // -1: not here
  const auto cut = [&](Index a, Index b) -> Index {
    if ((side[at(a)] < 0) == (side[at(b)] < 0)) return -1;
    const auto edge = edge_of(a, b);
    const auto [found, fresh] = cuts.try_emplace(edge, -1);
    if (!fresh) return found->second;
    const double u = side[at(edge.first)], v = side[at(edge.second)];
    const Vec3 from = mesh.points[at(edge.first)], to = mesh.points[at(edge.second)];
    const Vec3 p = from + u / (u - v) * (to - from);
    const auto old = mesh.kept.find(edge);
    const int curve = old == mesh.kept.end() ? -1 : old->second;
    // Along the crease between side view and flanks its own points are on either side of it by rounding.
    if (curve == kRim || (curve < kCrease && !body.sharp(crease, p))) return -1;
    found->second = static_cast<Index>(mesh.points.size());
    mesh.points.push_back(curve >= kCrease ? places.project(p, curve)
                                           : places.onto(p, curve == kMiddle ? 1 : -1, true, static_cast<int>(crease)));
    if (curve >= 0) {
      mesh.kept.erase(old);
      mesh.kept[edge_of(a, found->second)] = mesh.kept[edge_of(found->second, b)] = curve;
    }
    return found->second;
  };
  const std::size_t count = mesh.triangles.size();
  for (std::size_t t = 0; t < count; ++t) {
    if (mesh.place[t] != kSkin) continue;
    Triangle c = mesh.triangles[t];
    std::array<Index, 3> m;
    for (std::size_t k = 0; k < 3; ++k) m[k] = cut(c[k], c[(k + 1) % 3]);
    for (int turn = 0; turn < 2 && (m[0] < 0 || (m[2] >= 0 && m[1] < 0)); ++turn)
      std::rotate(c.begin(), c.begin() + 1, c.end()), std::rotate(m.begin(), m.begin() + 1, m.end());
    if (m[0] < 0) continue;
    const auto add = [&](Index a, Index b, Index d) {
      mesh.triangles.push_back({a, b, d}), mesh.place.push_back(kSkin);
    };
    if (m[1] < 0) {
      mesh.triangles[t] = {c[0], m[0], c[2]}, add(m[0], c[1], c[2]);
    } else {
      mesh.triangles[t] = {m[0], c[1], m[1]}, add(c[0], m[0], m[1]), add(c[0], m[1], c[2]);
      mesh.kept[edge_of(m[0], m[1])] = place;
    }
  }
}

// Ends of a crease that hang loose on the surface and are shorter than a triangle are none.
void drop_loose_ends(FeatureMesh& mesh, double shortest) {
  for (bool again = true; again;) {
    again = false;
    std::map<Index, std::vector<Index>> ends;
    for (const auto& [edge, place] : mesh.kept)
      ends[edge.first].push_back(edge.second), ends[edge.second].push_back(edge.first);
    for (const auto& [loose, others] : ends) {
      if (others.size() != 1) continue;
      std::vector<Index> way{loose, others[0]};
      double length = norm(mesh.points[at(loose)] - mesh.points[at(others[0])]);
      while (ends.at(way.back()).size() == 2) {
        const auto& next = ends.at(way.back());
        const Index step = next[0] == way[way.size() - 2] ? next[1] : next[0];
        length += norm(mesh.points[at(step)] - mesh.points[at(way.back())]);
        way.push_back(step);
      }
      if (length > shortest) continue;
      for (std::size_t k = 1; k < way.size(); ++k) mesh.kept.erase(edge_of(way[k - 1], way[k]));
      again = true;
      break;
    }
  }
}

// ---- Both halves

GeneratedBody both_halves(const FeatureMesh& half) {
  GeneratedBody out;
  SurfaceMesh& mesh = out.mesh;
  mesh.points = half.points, mesh.offsets = {0}, mesh.patch_names = {"body"};
  std::vector<Index> image(half.points.size());
  for (std::size_t v = 0; v < half.points.size(); ++v) {
    const Vec3& p = half.points[v];
    image[v] = p[1] == 0 ? static_cast<Index>(v) : static_cast<Index>(mesh.points.size());
    if (p[1] != 0) mesh.points.push_back({p[0], -p[1], p[2]});
  }
  for (const bool mirrored : {false, true})
    for (const auto& [a, b, c] : half.triangles) {
      if (mirrored)
        mesh.corners.insert(mesh.corners.end(), {image[at(a)], image[at(c)], image[at(b)]});
      else
        mesh.corners.insert(mesh.corners.end(), {a, b, c});
      mesh.offsets.push_back(mesh.offsets.back() + 3), mesh.patch.push_back(0);
    }
  std::vector<Index> kept(mesh.points.size(), -1);
  for (const bool mirrored : {false, true})
    for (const auto& [edge, place] : half.kept) {
      if (place == kMiddle) continue;
      std::array<Index, 2> ends{edge.first, edge.second};
      for (Index& v : ends) {
        Index& k = kept[at(mirrored ? image[at(v)] : v)];
        if (k < 0) {
          k = static_cast<Index>(out.features.points.size());
          out.features.points.push_back(mesh.points[at(mirrored ? image[at(v)] : v)]);
        }
        v = k;
      }
      out.features.edges.push_back(ends);
    }
  return out;
}

}  // namespace

GeneratedBody car_surface(const CarBody& body, double triangle) {
  const double chord = std::min(0.00045, 0.03 * triangle), shortest = std::min(0.003, 0.25 * triangle);  // m
  constexpr int kRounds = 4;
  FeatureMesh half = largest_piece(Isosurface(Samples(body)));
  close_feet(half);
  CarPlaces places(body, triangle);
  places.project_all(half);
  places.learn_sizes(half, 0.75 * chord, shortest);
  for (std::size_t k = 0; k < body.creases(); ++k) cut_crease(half, body, places, k);
  drop_loose_ends(half, 2 * Samples::kCell);
  remesh(half, places, chord, kRounds);
  for (const auto& [edge, place] : half.kept)
    if (place == kMiddle) half.points[at(edge.first)][1] = half.points[at(edge.second)][1] = 0;
  return both_halves(half);
}

}  // namespace streamtube::geometry
