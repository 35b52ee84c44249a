#include "geometry/surface_remesh.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/error.hpp"

namespace streamtube::geometry {
namespace {

using Index = std::int64_t;
using Triangle = std::array<Index, 3>;
using Edge = FeatureMesh::Edge;

constexpr double kLong = 4.0 / 3, kShort = 4.0 / 5;  // of the wanted length: edges beyond are split, collapsed
constexpr double kTiny = 0.3;                        // of the wanted length: an edge that has to go
constexpr double kFacing = 0.35;  // cosine, of a triangle's normal to that of the surface at its corners: no less
// Curves of vertices that are on none, that stay where they are, and at which a kept edge ends.
constexpr int kFree = -1, kFixed = -2, kLoose = -3;

Edge edge_of(Index a, Index b) { return {std::min(a, b), std::max(a, b)}; }
std::size_t at(Index i) { return static_cast<std::size_t>(i); }

struct EdgeHash {
  std::size_t operator()(const Edge& e) const {
    return (static_cast<std::uint64_t>(e.first) * 0x9e3779b97f4a7c15u) ^
           (static_cast<std::uint64_t>(e.second) * 0xc2b2ae3d27d4eb4fu);
  }
};

struct Vertex {
  Vec3 point, normal;            // of place 0
  double size = 0;               // wanted length of its edges
  int curve = kFree;             // place of the kept edges that it is on
  std::vector<Index> triangles;  // around it
};

class Remesher {
 public:
  Remesher(const FeatureMesh& mesh, const Places& places, double chord)
      : places_(places), chord_(chord), triangles_(mesh.triangles), place_(mesh.place) {
    for (const Vec3& p : mesh.points) vertices_.push_back(vertex(p));
    for (std::size_t t = 0; t < triangles_.size(); ++t)
      for (const Index v : triangles_[t]) vertices_[at(v)].triangles.push_back(static_cast<Index>(t));
    std::vector<int> ends(vertices_.size(), 0);
    for (const auto& [edge, place] : mesh.kept) {
      kept_[edge] = place;
      for (const Index v : {edge.first, edge.second}) {
        int& curve = vertices_[at(v)].curve;
        curve = ends[at(v)]++ == 0 || curve == place ? place : kFixed;
      }
    }
    for (std::size_t v = 0; v < vertices_.size(); ++v)
      if (ends[v] != 0 && ends[v] != 2) vertices_[v].curve = ends[v] == 1 ? kLoose : kFixed;
  }

  void round() {
    for (int i = 0; i < 12 && split_all() > 0; ++i) {
    }
    for (int i = 0; i < 12 && collapse_all() > 0; ++i) {
    }
    for (int i = 0; i < 4 && flip_all() > 0; ++i) {
    }
    for (int i = 0; i < 2; ++i) smooth_all();
    for (int i = 0; i < 4 && flip_all() > 0; ++i) {
    }
  }

  FeatureMesh result() const {
    FeatureMesh out;
    std::vector<Index> number(vertices_.size(), -1);
    for (std::size_t t = 0; t < triangles_.size(); ++t) {
      if (place_[t] < 0) continue;
      Triangle corners;
      for (std::size_t k = 0; k < 3; ++k) {
        Index& n = number[at(triangles_[t][k])];
        if (n < 0) n = static_cast<Index>(out.points.size()), out.points.push_back(point(triangles_[t][k]));
        corners[k] = n;
      }
      out.triangles.push_back(corners);
      out.place.push_back(place_[t]);
    }
    for (const auto& [edge, place] : kept_) out.kept[edge_of(number[at(edge.first)], number[at(edge.second)])] = place;
    return out;
  }

 private:
  // What lies at an edge: its triangles (the second -1 at a border) and their third corners.
  struct Wing {
    Index triangle[2] = {-1, -1}, corner[2] = {-1, -1};
    int count = 0;
  };

  Vertex vertex(const Vec3& p) const {
    Vertex out;
    out.point = p, out.normal = places_.normal(p, 0), out.size = places_.size(p);
    return out;
  }
  const Vec3& point(Index v) const { return vertices_[at(v)].point; }
  double length(Index a, Index b) const { return norm(point(b) - point(a)); }
  double wanted(Index a, Index b) const { return 0.5 * (vertices_[at(a)].size + vertices_[at(b)].size); }
  int kept(Index a, Index b) const {
    const auto found = kept_.find(edge_of(a, b));
    return found == kept_.end() ? kFree : found->second;
  }
  Vec3 normal(Index v, int place) const {
    return place == 0 ? vertices_[at(v)].normal : places_.normal(point(v), place);
  }
  // Of the middle of an edge; a kept one is on its curve.
  double sag(const Vec3& a, const Vec3& b, int place) const { return places_.distance(0.5 * (a + b), place); }

  Wing wing(Index a, Index b) const {
    Wing out;
    for (const Index t : vertices_[at(a)].triangles) {
      const Triangle& c = triangles_[at(t)];
      if (c[0] != b && c[1] != b && c[2] != b) continue;
      core::expect(out.count < 2, "remesh: three triangles at an edge");
      out.triangle[out.count] = t;
      for (const Index v : c)
        if (v != a && v != b) out.corner[out.count] = v;
      ++out.count;
    }
    return out;
  }
  // Sorted.
  void neighbours(Index v, std::vector<Index>& out) const {
    out.clear();
    for (const Index t : vertices_[at(v)].triangles)
      for (const Index w : triangles_[at(t)])
        if (w != v && std::find(out.begin(), out.end(), w) == out.end()) out.push_back(w);
    std::sort(out.begin(), out.end());
  }

  // 1 for an equilateral triangle, 0 for a line.
  static double quality(const Vec3& a, const Vec3& b, const Vec3& c) {
    const double squares = dot(b - a, b - a) + dot(c - b, c - b) + dot(a - c, a - c);
    return squares > 0 ? 2 * std::sqrt(3.0) * norm(cross(b - a, c - a)) / squares : 0;
  }
  double quality(Index t) const {
    const Triangle& c = triangles_[at(t)];
    return quality(point(c[0]), point(c[1]), point(c[2]));
  }
  // How a triangle looks where its corners do, as a cosine.
  double facing(const Triangle& c, int place) const {
    const Vec3 area = cross(point(c[1]) - point(c[0]), point(c[2]) - point(c[0]));
    const Vec3 out = normal(c[0], place) + normal(c[1], place) + normal(c[2], place);
    return dot(area, out) / std::max(norm(area) * norm(out), 1e-30);
  }
  double facing(Index t) const { return facing(triangles_[at(t)], place_[at(t)]); }

  // All edges by `order` of their length over the wanted one, where that is positive.
  template <class Order>
  std::vector<Edge> edges(Order order) const {
    std::vector<std::pair<double, Edge>> found;
    for (std::size_t t = 0; t < triangles_.size(); ++t) {
      if (place_[t] < 0) continue;
      for (std::size_t k = 0; k < 3; ++k) {
        const Index a = triangles_[t][k], b = triangles_[t][(k + 1) % 3];
        // Of an edge's two triangles one; a border, which is kept, has only one.
        const bool curve = vertices_[at(a)].curve != kFree && vertices_[at(b)].curve != kFree;
        if (a > b && (!curve || wing(a, b).count == 2)) continue;
        if (const double rank = order(a, b); rank > 0) found.emplace_back(-rank, edge_of(a, b));
      }
    }
    std::sort(found.begin(), found.end());
    std::vector<Edge> out;
    for (const auto& [rank, edge] : found) out.push_back(edge);
    return out;
  }

  std::size_t split_all() {
    std::size_t count = 0;
    const auto order = [&](Index a, Index b) {
      const double ratio = length(a, b) / wanted(a, b);
      if (ratio > kLong) return ratio;
      const int curve = kept(a, b);
      const int place = curve >= 0 ? curve : place_[at(wing(a, b).triangle[0])];
      constexpr double kLeast = 0.5;  // no shorter than this because of the sag
      return ratio > kLeast && sag(point(a), point(b), place) > chord_ ? ratio : 0.0;
    };
    for (const auto& [a, b] : edges(order)) count += split(a, b);
    return count;
  }

  bool split(Index a, Index b) {
    const Wing at_edge = wing(a, b);
    if (at_edge.count == 0) return false;
    const int curve = kept(a, b), place = place_[at(at_edge.triangle[0])];
    Vertex middle = vertex(places_.project(0.5 * (point(a) + point(b)), curve >= 0 ? curve : place));
    middle.curve = curve;
    const auto m = static_cast<Index>(vertices_.size());
    vertices_.push_back(middle);
    for (int k = 0; k < at_edge.count; ++k) {
      const Index t = at_edge.triangle[k], opposite = at_edge.corner[k];
      const auto added = static_cast<Index>(triangles_.size());
      Triangle other = triangles_[at(t)];
      std::replace(triangles_[at(t)].begin(), triangles_[at(t)].end(), b, m);
      std::replace(other.begin(), other.end(), a, m);
      triangles_.push_back(other), place_.push_back(place_[at(t)]);
      auto& around = vertices_[at(b)].triangles;
      *std::find(around.begin(), around.end(), t) = added;
      vertices_[at(opposite)].triangles.push_back(added);
      vertices_[at(m)].triangles.push_back(t), vertices_[at(m)].triangles.push_back(added);
    }
    if (curve >= 0) kept_.erase(edge_of(a, b)), kept_[edge_of(a, m)] = kept_[edge_of(m, b)] = curve;
    return true;
  }

  std::size_t collapse_all() {
    std::size_t count = 0;
    const auto order = [&](Index a, Index b) {
      const double ratio = length(a, b) / wanted(a, b);
      return ratio < kShort ? 1 / std::max(ratio, 1e-9) : 0.0;
    };
    for (const auto& [a, b] : edges(order)) count += collapse(a, b) || collapse(b, a);
    return count;
  }

  // Moves v onto u.
  bool collapse(Index v, Index u) {
    const int curve = vertices_[at(v)].curve;
    if (curve == kFixed || (curve >= 0 && kept(v, u) != curve)) return false;
    // A loose end joins another curve close by.
    if (curve == kLoose && (vertices_[at(u)].curve == kFree || kept(v, u) >= 0)) return false;
    const Wing at_edge = wing(v, u);
    if (at_edge.count == 0) return false;
    auto &of_v = around_[0], &of_u = around_[1], &common = around_[2];
    neighbours(v, of_v);
    for (const Index w : of_v)
      if (w != u && length(u, w) > kLong * wanted(u, w)) return false;
    // Else a hole would close or the surface touch itself.
    neighbours(u, of_u);
    common.clear();
    std::set_intersection(of_v.begin(), of_v.end(), of_u.begin(), of_u.end(), std::back_inserter(common));
    if (static_cast<int>(common.size()) != at_edge.count) return false;
    double before = 1, after = 1, facing_before = kFacing, facing_after = 1;
    for (const Index t : vertices_[at(v)].triangles) {
      before = std::min(before, quality(t)), facing_before = std::min(facing_before, facing(t));
      if (t == at_edge.triangle[0] || t == at_edge.triangle[1]) continue;
      Triangle moved = triangles_[at(t)];
      std::replace(moved.begin(), moved.end(), v, u);
      after = std::min(after, quality(point(moved[0]), point(moved[1]), point(moved[2])));
      facing_after = std::min(facing_after, facing(moved, place_[at(t)]));
    }
    if (after < std::min(0.2, before) || facing_after < facing_before) return false;
    // Corners so near to each other fold the triangles between them.
    const double most = length(v, u) < kTiny * wanted(v, u) ? 1.5 * chord_ : chord_;
    for (const Index w : of_v) {
      if (w == u || std::binary_search(of_u.begin(), of_u.end(), w)) {
        // A kept edge would fall onto another one.
        if (w != u && kept(v, w) >= 0) return false;
        continue;
      }
      const int place = kept(v, w) >= 0 ? kept(v, w) : place_[at(wing(v, w).triangle[0])];
      if (sag(point(u), point(w), place) > std::max(most, sag(point(v), point(w), place))) return false;
    }
    remove(v, u, at_edge, of_v);
    if (curve == kLoose) vertices_[at(u)].curve = kFixed;
    return true;
  }

  void remove(Index v, Index u, const Wing& at_edge, const std::vector<Index>& around) {
    for (const Index w : around)
      if (const auto found = kept_.find(edge_of(v, w)); found != kept_.end()) {
        const int place = found->second;
        kept_.erase(found);
        if (w != u) kept_[edge_of(u, w)] = place;
      }
    for (int k = 0; k < at_edge.count; ++k) {
      const Index t = at_edge.triangle[k];
      place_[at(t)] = -1;
      for (const Index w : triangles_[at(t)]) std::erase(vertices_[at(w)].triangles, t);
    }
    for (const Index t : vertices_[at(v)].triangles) {
      std::replace(triangles_[at(t)].begin(), triangles_[at(t)].end(), v, u);
      vertices_[at(u)].triangles.push_back(t);
    }
    vertices_[at(v)].triangles.clear();
  }

  std::size_t flip_all() {
    std::size_t count = 0;
    for (const auto& [a, b] : edges([](Index, Index) { return 1.0; })) count += flip(a, b);
    return count;
  }

  static double cotangent(const Vec3& corner, const Vec3& a, const Vec3& b) {
    const double area = norm(cross(a - corner, b - corner));
    return dot(a - corner, b - corner) / std::max(area, 1e-30);
  }

  // Where the edge's opposite angles are more than 180 degrees together.
  bool flip(Index a, Index b) {
    if (kept(a, b) >= 0) return false;
    const Wing at_edge = wing(a, b);
    if (at_edge.count != 2) return false;
    const Index c = at_edge.corner[0], d = at_edge.corner[1];
    if (cotangent(point(c), point(a), point(b)) + cotangent(point(d), point(a), point(b)) > -1e-6) return false;
    if (wing(c, d).count > 0) return false;
    const int place = place_[at(at_edge.triangle[0])];
    if (sag(point(c), point(d), place) > std::max(chord_, sag(point(a), point(b), place))) return false;
    Triangle with_a = triangles_[at(at_edge.triangle[0])], with_b = triangles_[at(at_edge.triangle[1])];
    std::replace(with_a.begin(), with_a.end(), b, d);
    std::replace(with_b.begin(), with_b.end(), a, c);
    // An edge so short is collapsed next, whatever its triangles look like.
    const double before = std::min(facing(at_edge.triangle[0]), facing(at_edge.triangle[1]));
    if (length(c, d) > kTiny * wanted(c, d) &&
        std::min(facing(with_a, place), facing(with_b, place)) < std::min(kFacing, before))
      return false;
    triangles_[at(at_edge.triangle[0])] = with_a, triangles_[at(at_edge.triangle[1])] = with_b;
    std::erase(vertices_[at(b)].triangles, at_edge.triangle[0]);
    std::erase(vertices_[at(a)].triangles, at_edge.triangle[1]);
    vertices_[at(d)].triangles.push_back(at_edge.triangle[0]);
    vertices_[at(c)].triangles.push_back(at_edge.triangle[1]);
    return true;
  }

  void smooth_all() {
    for (std::size_t v = 0; v < vertices_.size(); ++v)
      if (!vertices_[v].triangles.empty() && vertices_[v].curve > kFixed) smooth(static_cast<Index>(v));
  }

  // Towards the middle of its neighbours, along the curve or the surface, where that makes no worse triangles.
  void smooth(Index v) {
    Vertex& one = vertices_[at(v)];
    const int place = one.curve >= 0 ? one.curve : place_[at(one.triangles[0])];
    auto& around = around_[0];
    neighbours(v, around);
    Vec3 middle{0, 0, 0};
    int count = 0;
    for (const Index w : around)
      if (one.curve < 0 || kept(v, w) >= 0) middle = middle + point(w), ++count;
    Vec3 step = (1.0 / count) * middle - one.point;
    if (one.curve < 0) {
      const Vec3 n = normal(v, place);
      step = step - dot(step, n) * n;
    }
    const auto worst = [&] {
      double out = 1;
      for (const Index t : one.triangles) out = std::min(out, quality(t));
      return out;
    };
    const auto least_facing = [&] {
      double out = kFacing;
      for (const Index t : one.triangles) out = std::min(out, facing(t));
      return out;
    };
    const auto sags = [&] {
      double out = 0;
      for (const Index w : around) {
        const int curve = kept(v, w);
        out = std::max(out, sag(one.point, point(w), curve >= 0 ? curve : place_[at(wing(v, w).triangle[0])]));
      }
      return out;
    };
    constexpr double kFine = 0.6, kShare = 0.7;
    const double quality_before = worst(), sag_before = sags(), facing_before = least_facing();
    Vertex moved = vertex(places_.project(one.point + kShare * step, place));
    std::swap(moved.point, one.point), std::swap(moved.normal, one.normal), std::swap(moved.size, one.size);
    const bool fine = worst() >= std::min(kFine, quality_before) && least_facing() >= facing_before &&
                      sags() <= std::max(chord_, sag_before);
    if (!fine) one.point = moved.point, one.normal = moved.normal, one.size = moved.size;
  }

  const Places& places_;
  double chord_;
  std::vector<Vertex> vertices_;
  std::vector<Triangle> triangles_;
  std::vector<int> place_;  // -1: the triangle is gone
  std::unordered_map<Edge, int, EdgeHash> kept_;
  std::vector<Index> around_[3];  // scratch
};

}  // namespace

void remesh(FeatureMesh& mesh, const Places& places, double chord, int rounds) {
  core::expect(chord > 0 && mesh.place.size() == mesh.triangles.size(), "remesh: no chord, or triangles without place");
  Remesher work(mesh, places, chord);
  for (int i = 0; i < rounds; ++i) work.round();
  mesh = work.result();
}

}  // namespace streamtube::geometry
