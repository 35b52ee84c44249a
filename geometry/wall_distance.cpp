#include "geometry/wall_distance.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "geometry/space_curve.hpp"
#include "geometry/threads.hpp"

namespace streamtube::geometry {
namespace {

constexpr std::size_t kLeaf = 4;              // items of a leaf
constexpr std::size_t kParallelBlock = 2048;  // points
constexpr double kSlack = 1 + 1e-12;          // covers the rounding of two ways to the same distance
constexpr double kRounding = 1e-14;           // of the farthest coordinate
constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool finite(const Vec3& p) { return std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]); }
Vec3 unit(const Vec3& v) { return (1 / norm(v)) * v; }

// A box along the mean normal of a patch of wall. Boxes along the coordinate axes are as deep as an oblique patch is
// wide, and a point far away then finds hundreds of them nearer than the wall itself.
struct PatchBox {
  std::array<Vec3, 3> axes{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  Box box;  // in these axes

  // An empty patch keeps the coordinate axes, as one that faces all ways does.
  void turn_to(const Vec3& normal_sum, double area_sum) {
    const double length = norm(normal_sum);
    if (!(length > 0.1 * area_sum)) return;
    axes[0] = (1 / length) * normal_sum;
    std::size_t least = 0;
    for (std::size_t a = 1; a < 3; ++a)
      if (std::abs(axes[0][a]) < std::abs(axes[0][least])) least = a;
    Vec3 other{0, 0, 0};
    other[least] = 1;
    axes[1] = unit(cross(axes[0], other));
    axes[2] = cross(axes[0], axes[1]);
  }
  Vec3 turned(const Vec3& p) const { return {dot(axes[0], p), dot(axes[1], p), dot(axes[2], p)}; }
  // Covers the rounding of turned positions.
  void widen(double by) {
    for (std::size_t a = 0; a < 3; ++a) box.low[a] -= by, box.high[a] += by;
  }
  double square_distance(const Vec3& point) const {
    const Vec3 p = turned(point);
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const double d = std::max({box.low[i] - p[i], p[i] - box.high[i], 0.0});
      sum += d * d;
    }
    return sum;
  }
};

struct Foot {
  Vec3 place;
  WallPoint::On on;
  Vec3 edge{0, 0, 0};
};

struct Triangle {
  Vec3 a, b, c, normal;

  // The nearest place of a triangle (Ericson, Real-Time Collision Detection, 2005, section 5.1.5): by the regions of
  // its corners, its edges and its inside, in the plane's barycentric coordinates.
  Foot nearest(const Vec3& p) const {
    const Vec3 ab = b - a, ac = c - a, ap = p - a;
    const double d1 = dot(ab, ap), d2 = dot(ac, ap);
    if (d1 <= 0 && d2 <= 0) return {a, WallPoint::On::corner};
    const Vec3 bp = p - b;
    const double d3 = dot(ab, bp), d4 = dot(ac, bp);
    if (d3 >= 0 && d4 <= d3) return {b, WallPoint::On::corner};
    const double vc = d1 * d4 - d3 * d2;
    if (vc <= 0 && d1 >= 0 && d3 <= 0) return {a + (d1 / (d1 - d3)) * ab, WallPoint::On::edge, ab};
    const Vec3 cp = p - c;
    const double d5 = dot(ab, cp), d6 = dot(ac, cp);
    if (d6 >= 0 && d5 <= d6) return {c, WallPoint::On::corner};
    const double vb = d5 * d2 - d1 * d6;
    if (vb <= 0 && d2 >= 0 && d6 <= 0) return {a + (d2 / (d2 - d6)) * ac, WallPoint::On::edge, ac};
    const double va = d3 * d6 - d5 * d4;
    if (va <= 0 && d4 - d3 >= 0 && d5 - d6 >= 0)
      return {b + ((d4 - d3) / ((d4 - d3) + (d5 - d6))) * (c - b), WallPoint::On::edge, c - b};
    const double sum = va + vb + vc;
    return {a + (vb / sum) * ab + (vc / sum) * ac, WallPoint::On::face};
  }
  void add_to(PatchBox& patch) const {
    for (const Vec3* corner : {&a, &b, &c}) patch.box.add(patch.turned(*corner));
  }
  Vec3 area() const { return 0.5 * cross(b - a, c - a); }
  Vec3 middle() const { return (1.0 / 3) * (a + b + c); }
};

struct Disc {
  Vec3 center, normal;
  double radius;

  Foot nearest(const Vec3& p) const {
    const Vec3 from = p - center, across = from - dot(from, normal) * normal;
    const double r = norm(across);
    if (r <= radius) return {center + across, WallPoint::On::face};
    return {center + (radius / r) * across, WallPoint::On::edge, cross(normal, across)};
  }
  void add_to(PatchBox& patch) const {
    const Vec3 middle = patch.turned(center), n = patch.turned(normal);
    Vec3 half;
    for (std::size_t i = 0; i < 3; ++i) half[i] = radius * std::sqrt(std::max(0.0, 1 - n[i] * n[i]));
    patch.box.add(middle - half), patch.box.add(middle + half);
  }
  Vec3 area() const { return radius * radius * normal; }
  Vec3 middle() const { return center; }
};

// A complete binary tree over the items in the order of a space-filling curve: node i has the children 2 i and 2 i + 1,
// the root is 1, leaf l holds the items from kLeaf l on.
template <class Item>
class Tree {
 public:
  explicit Tree(std::vector<Item> items) : items_(std::move(items)) {
    const auto order = space_curve(items_.size(), [&](std::size_t i) { return items_[i].middle(); });
    std::vector<Item> sorted;
    sorted.reserve(items_.size());
    for (const std::int64_t i : order) sorted.push_back(items_[static_cast<std::size_t>(i)]);
    items_ = std::move(sorted);
    const std::size_t leaves = (items_.size() + kLeaf - 1) / kLeaf;
    while (first_leaf_ < leaves) first_leaf_ *= 2;
    boxes_.resize(2 * first_leaf_);
    double farthest = 0;
    for (const Item& item : items_) {
      const Vec3 m = item.middle();
      farthest = std::max({farthest, std::abs(m[0]), std::abs(m[1]), std::abs(m[2])});
    }
    for (std::size_t node = 1; node < 2 * first_leaf_; ++node) {
      const auto [begin, end] = items_of(node);
      Vec3 sum{0, 0, 0};
      double area = 0;
      for (std::size_t i = begin; i < end; ++i) {
        const Vec3 one = items_[i].area();
        sum = sum + one, area += norm(one);
      }
      PatchBox& patch = boxes_[node];
      patch.turn_to(sum, area);
      for (std::size_t i = begin; i < end; ++i) items_[i].add_to(patch);
      if (begin < end) patch.widen(kRounding * farthest);
    }
  }

  // hint: an item to begin with, where the last point's nearest place was; then where this one's is.
  WallPoint nearest(const Vec3& p, std::size_t& hint) const {
    double best = kInfinity;
    std::size_t found = hint;
    Foot foot{};
    const auto look = [&](std::size_t i) {
      const Foot one = items_[i].nearest(p);
      const Vec3 away = p - one.place;
      const double square = dot(away, away);
      // Of places equally near, those of the first item, whatever the order of the search.
      if (square < best || (square == best && i <= found)) best = square, found = i, foot = one;
    };
    look(hint);
    struct Entry {
      std::size_t node;
      double square;
    };
    Entry stack[128];
    int top = 0;
    stack[top++] = {1, boxes_[1].square_distance(p)};
    while (top > 0) {
      const Entry e = stack[--top];
      if (e.square > best * kSlack) continue;
      if (e.node >= first_leaf_) {
        const auto [begin, end] = items_of(e.node);
        for (std::size_t i = begin; i < end; ++i) look(i);
        continue;
      }
      Entry children[2];
      for (std::size_t c = 0; c < 2; ++c) {
        const std::size_t child = 2 * e.node + c;
        children[c] = {child, boxes_[child].box.empty() ? kInfinity : boxes_[child].square_distance(p)};
      }
      if (children[0].square < children[1].square) std::swap(children[0], children[1]);
      for (const Entry& child : children)
        if (child.square <= best * kSlack) stack[top++] = child;
    }
    hint = found;
    return seen_from(p, items_[found], foot);
  }

  const std::vector<Item>& items() const { return items_; }
  std::size_t bytes() const { return items_.size() * sizeof(Item) + boxes_.size() * sizeof(PatchBox); }

 private:
  // Begin and end of the items under a node.
  std::pair<std::size_t, std::size_t> items_of(std::size_t node) const {
    std::size_t leaves = 1;
    while (node < first_leaf_) node *= 2, leaves *= 2;
    const std::size_t begin = (node - first_leaf_) * kLeaf;
    return {std::min(begin, items_.size()), std::min(begin + leaves * kLeaf, items_.size())};
  }
  static WallPoint seen_from(const Vec3& p, const Item& item, const Foot& foot) {
    WallPoint out;
    const Vec3 away = p - foot.place;
    out.distance = norm(away);
    // So near the wall the difference is rounding.
    const bool on_wall = out.distance <= 1e-12 * (norm(foot.place) + norm(p));
    out.direction = on_wall ? item.normal : (1 / out.distance) * away;
    out.on = foot.on;
    if (foot.on == WallPoint::On::edge) out.edge = unit(foot.edge);
    return out;
  }

  std::vector<Item> items_;
  std::vector<PatchBox> boxes_;
  std::size_t first_leaf_ = 1;
};

}  // namespace

std::array<Vec3, 3> WallPoint::derivative(double least) const {
  std::array<Vec3, 3> out{};
  if (on == On::face) return out;
  const double by = 1 / std::max(distance, least);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) out[i][j] = by * ((i == j) - direction[i] * direction[j] - edge[i] * edge[j]);
  return out;
}

struct WallDistance::Impl {
  std::unique_ptr<Tree<Triangle>> triangles;
  std::unique_ptr<Tree<Disc>> discs;

  WallPoint nearest(const Vec3& p, std::size_t& hint) const {
    return triangles ? triangles->nearest(p, hint) : discs->nearest(p, hint);
  }
};

WallDistance::WallDistance(std::span<const std::array<Vec3, 3>> triangles) : impl_(std::make_unique<Impl>()) {
  std::vector<Triangle> items;
  items.reserve(triangles.size());
  for (const auto& [a, b, c] : triangles) {
    const Vec3 twice = cross(b - a, c - a);
    if (finite(twice) && dot(twice, twice) > 0) items.push_back({a, b, c, unit(twice)});
  }
  core::expect(!items.empty(), "WallDistance: no triangle with an area");
  impl_->triangles = std::make_unique<Tree<Triangle>>(std::move(items));
}

WallDistance::WallDistance(std::span<const Vec3> centers, std::span<const Vec3> normals, std::span<const double> areas)
    : impl_(std::make_unique<Impl>()) {
  core::expect(centers.size() == normals.size() && centers.size() == areas.size(),
               "WallDistance: lengths of the faces");
  std::vector<Disc> items;
  items.reserve(centers.size());
  for (std::size_t i = 0; i < centers.size(); ++i)
    if (finite(centers[i]) && dot(normals[i], normals[i]) > 0 && areas[i] > 0)
      items.push_back({centers[i], unit(normals[i]), std::sqrt(kDiscArea * areas[i] / 3.14159265358979323846)});
  core::expect(!items.empty(), "WallDistance: no face with an area");
  impl_->discs = std::make_unique<Tree<Disc>>(std::move(items));
}

WallDistance::~WallDistance() = default;
WallDistance::WallDistance(WallDistance&&) noexcept = default;
WallDistance& WallDistance::operator=(WallDistance&&) noexcept = default;

WallPoint WallDistance::nearest(const Vec3& point) const {
  std::size_t hint = 0;
  return impl_->nearest(point, hint);
}

void WallDistance::nearest(std::span<const Vec3> points, std::span<WallPoint> out) const {
  core::expect(points.size() == out.size(), "WallDistance: not one result for every point");
  std::size_t hint = 0;
  for (std::size_t i = 0; i < points.size(); ++i) out[i] = impl_->nearest(points[i], hint);
}

void WallDistance::nearest_parallel(std::span<const Vec3> points, std::span<WallPoint> out) const {
  core::expect(points.size() == out.size(), "WallDistance: not one result for every point");
  for_blocks(points.size(), kParallelBlock, [&](std::size_t begin, std::size_t end) {
    nearest(points.subspan(begin, end - begin), out.subspan(begin, end - begin));
  });
}

std::vector<Vec3> WallDistance::normals(std::span<const Vec3> points) const {
  std::vector<Vec3> out(points.size());
  for_blocks(points.size(), kParallelBlock, [&](std::size_t begin, std::size_t end) {
    std::size_t hint = 0;
    for (std::size_t i = begin; i < end; ++i) {
      impl_->nearest(points[i], hint);
      out[i] = impl_->triangles ? impl_->triangles->items()[hint].normal : impl_->discs->items()[hint].normal;
    }
  });
  return out;
}

std::vector<std::array<Vec3, 3>> WallDistance::triangles() const {
  std::vector<std::array<Vec3, 3>> out;
  if (impl_->triangles)
    for (const Triangle& t : impl_->triangles->items()) out.push_back({t.a, t.b, t.c});
  return out;
}

std::size_t WallDistance::bytes() const { return impl_->triangles ? impl_->triangles->bytes() : impl_->discs->bytes(); }

}  // namespace streamtube::geometry
