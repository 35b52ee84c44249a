#include "geometry/repair.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <numbers>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/own_process.hpp"
#include "core/runtime.hpp"
#include "geometry/distance.hpp"
#include "geometry/exposure.hpp"
#include "geometry/polygons.hpp"
#include "geometry/self_intersections.hpp"
#include "geometry/shape_checks.hpp"
#include "geometry/solid_operations.hpp"
#include "geometry/topology.hpp"

namespace streamtube::geometry {

using core::Error;
using core::ErrorKind;
using core::str;

namespace {

// In lengths of the body. What is closer than this was one point before the export.
constexpr double kSame = 1e-5;
// Holes wider than this are only filled where they are flat.
constexpr double kWidestHole = 0.25, kFlatHole = 0.02;
constexpr std::size_t kLongestLoop = 20'000;  // edges
// A wrap goes in where a ball of this diameter does, and stands off by this.
constexpr double kWrapGap = 1.0 / 60, kOffset = 1.0 / 2000;
// A piece is a sheet that is seen with this share of its area from one side, has this share of the surface's area, and
// whose border is mostly farther than this from other pieces. So thick it becomes. More of them are a soup.
constexpr double kSheetSeen = 0.8, kLeastSheet = 1e-3, kFreeBorder = 0.01, kSheetThickness = 1.0 / 500;
constexpr std::size_t kMostSheets = 20;
// Cuts that cannot be removed do less harm than a wrap, up to this share of the faces.
constexpr double kFewCuts = 1e-3;
// Of processor time for a wrap.
constexpr std::uint64_t kWrapSeconds = 120, kWrapFacesPerSecond = 500;
// check_shape: shares of the area; mean distances from the curves, in lengths of the body.
constexpr double kRoughWarned = 0.25, kRoughRefused = 0.4;
constexpr double kStepsWarned = 5e-5, kStepsRefused = 2.5e-4;
// Curves of 24 and more facets to the circle are an ordinary tessellation: warned of, never refused.
constexpr double kTurnRefused = 16 * std::numbers::pi / 180;
constexpr std::size_t kMostParts = 64;  // to be united one by one

using Corners = std::array<Id, 3>;

double extent(const SurfaceMesh& mesh) {
  const Vec3 size = mesh.bounds().size();
  return std::max({size[0], size[1], size[2]});
}

double distance_to_line(const Vec3& p, const Vec3& a, const Vec3& b, double& along) {
  const Vec3 d = b - a;
  const double length = norm(d);
  along = length > 0 ? dot(p - a, d) / length : 0;
  return norm(p - (a + (length > 0 ? along / length : 0.0) * d));
}

// Triangles over points of which no two are equal, and the face of the surface that each comes from (-1: none).
class Body {
 public:
  explicit Body(const SurfaceMesh& surface);

  std::size_t size() const { return triangles_.size(); }
  double length() const { return length_; }

  // Each step returns how much there was to do.
  std::size_t merge_borders();
  std::size_t drop_collapsed();
  std::size_t drop_duplicates();
  std::size_t stitch();
  std::size_t orient();
  struct Filling {
    std::size_t holes = 0, faces = 0, left = 0;
    double widest = 0, widest_left = 0;  // m
    struct Lid {
      std::vector<std::int64_t> beside;  // faces of the surface along its border
      double area = 0;                   // m2
    };
    std::vector<Lid> lids;
  };
  Filling fill_holes();
  bool in_panels() const;
  // Wings, spoilers, plates without a thickness become closed plates.
  struct Sheets {
    std::size_t count = 0;
    double area = 0, thickness = 0;     // m2 of one side; m
    std::vector<std::int64_t> sources;  // a face of the surface for each
  };
  Sheets thicken_sheets();
  // Pieces that see no way out; `asked`: without edges of three faces, only parts within the bounds of others are.
  std::size_t drop_hidden(std::size_t* faces);
  bool any_hidden() const;
  // Number of parts joined; 0 when it cannot be done, or there is nothing to do.
  std::size_t unite_parts();
  // Whether these are closed parts that share faces or edges: each runs on in the order of the file.
  bool parts_touch() const;
  bool remove_cuts();
  void wrap(double alpha, double offset, const std::string& where);

  // Patches of `surface` by source, or by what is nearest; its names and unit.
  SurfaceMesh finish(const SurfaceMesh& surface) const;
  SurfaceMesh mesh() const;

 private:
  struct Edge {
    Id face, a, b;  // the face runs from a to b
  };
  std::vector<Edge> borders() const;  // edges of one face
  struct Extent {                     // of a piece
    double area = 0;                  // m2
    Vec3 seen{0, 0, 0};               // its area vector, m2
    bool flat() const { return norm(seen) > kSheetSeen * area; }
  };
  std::vector<Extent> extents_of(const std::vector<Id>& piece, std::size_t count) const;
  // Pieces that are sheets: open, seen from one side about as large as they are, and free along most of their border
  // (panels of a body that was exported in pieces have their neighbours there).
  std::vector<char> sheets(const std::vector<Id>& piece, std::size_t count, const std::vector<Edge>& edges) const;
  void thicken(const std::vector<Id>& piece, const std::vector<char>& sheet, const std::vector<Edge>& edges,
               double thickness);
  void take(const SurfaceMesh& mesh);  // faces from elsewhere: those known keep their place, corners and source
  std::vector<Id> pieces(std::size_t& count, bool across_any, std::vector<char>& at_many) const;
  std::vector<char> hidden_faces(std::size_t& pieces) const;
  // Closed parts; at edges of four and more faces those next to each other in the file go together. Empty when a part
  // is not closed.
  std::vector<Id> closed_parts(std::size_t& count) const;
  template <class Keep>
  std::size_t drop(const Keep& keep);

  std::vector<Vec3> points_;
  std::vector<Corners> triangles_;
  std::vector<std::int64_t> source_;
  double length_ = 0;
};

Body::Body(const SurfaceMesh& surface) : length_(extent(surface)) {
  const Topology topology(surface);
  for (const Id p : topology.vertex_point) points_.push_back(surface.points[p]);
  std::vector<std::array<int, 3>> cut;
  for (std::size_t f = 0; f < surface.face_count(); ++f) {
    const std::int64_t* c = surface.corners.data() + surface.offsets[f];
    const auto vertex = [&](int corner) { return topology.vertex[static_cast<std::size_t>(c[corner])]; };
    cut_polygon(surface, f, cut);
    for (const auto& t : cut) {
      triangles_.push_back({vertex(t[0]), vertex(t[1]), vertex(t[2])});
      source_.push_back(static_cast<std::int64_t>(f));
    }
  }
}

SurfaceMesh Body::mesh() const {
  SurfaceMesh out;
  out.points = points_;
  out.offsets = {0};
  for (const Corners& t : triangles_) {
    for (const Id corner : t) out.corners.push_back(corner);
    out.offsets.push_back(static_cast<std::int64_t>(out.corners.size()));
  }
  out.patch.assign(triangles_.size(), 0);
  out.patch_names = {"body"};
  return out;
}

template <class Keep>
std::size_t Body::drop(const Keep& keep) {
  std::size_t kept = 0;
  for (std::size_t t = 0; t < triangles_.size(); ++t) {
    if (!keep(t)) continue;
    triangles_[kept] = triangles_[t];
    source_[kept++] = source_[t];
  }
  const std::size_t dropped = triangles_.size() - kept;
  triangles_.resize(kept), source_.resize(kept);
  return dropped;
}

std::size_t Body::drop_collapsed() {
  return drop([&](std::size_t t) {
    const Corners& c = triangles_[t];
    return c[0] != c[1] && c[1] != c[2] && c[2] != c[0];
  });
}

std::size_t Body::drop_duplicates() {
  std::vector<std::pair<Corners, std::size_t>> order;
  for (std::size_t t = 0; t < triangles_.size(); ++t) {
    order.emplace_back(triangles_[t], t);
    std::sort(order.back().first.begin(), order.back().first.end());
  }
  std::sort(order.begin(), order.end());
  std::vector<char> again(triangles_.size(), 0);
  for (std::size_t i = 1; i < order.size(); ++i)
    if (order[i].first == order[i - 1].first) again[order[i].second] = 1;
  return drop([&](std::size_t t) { return !again[t]; });
}

// Points on edges of one face only (or of many) that are all but equal become one.
std::size_t Body::merge_borders() {
  const double near = kSame * length_;
  std::vector<char> border(points_.size(), 0);
  const SurfaceMesh now = mesh();
  const Topology topology(now);
  topology.for_edges([&](Id, std::span<const Topology::Use> uses) {
    if (uses.size() == 2) return;
    for (const auto& use : uses)
      for (const Id corner : triangles_[use.face]) border[corner] = 1;  // a few too many
  });
  // Cells as wide as the distance: whoever is near lies in the same or a neighbouring one.
  const auto cell = [&](const Vec3& p, int i) { return static_cast<std::int64_t>(std::floor(p[i] / near)); };
  std::map<std::array<std::int64_t, 3>, std::vector<Id>> cells;
  std::vector<Id> becomes(points_.size());
  std::iota(becomes.begin(), becomes.end(), Id{0});
  std::size_t merged = 0;
  for (Id v = 0; v < points_.size(); ++v) {
    if (!border[v]) continue;
    const std::array<std::int64_t, 3> at = {cell(points_[v], 0), cell(points_[v], 1), cell(points_[v], 2)};
    double least = near;
    for (std::int64_t i = -1; i <= 1; ++i)
      for (std::int64_t j = -1; j <= 1; ++j)
        for (std::int64_t k = -1; k <= 1; ++k) {
          const auto found = cells.find({at[0] + i, at[1] + j, at[2] + k});
          if (found == cells.end()) continue;
          for (const Id other : found->second)
            if (const double d = norm(points_[other] - points_[v]); d < least) least = d, becomes[v] = other;
        }
    if (becomes[v] == v)
      cells[at].push_back(v);
    else
      ++merged;
  }
  if (merged > 0)
    for (Corners& t : triangles_)
      for (Id& corner : t) corner = becomes[corner];
  return merged;
}

std::vector<Body::Edge> Body::borders() const {
  std::vector<Edge> out;
  const SurfaceMesh now = mesh();
  const Topology topology(now);
  topology.for_edges([&](Id low, std::span<const Topology::Use> uses) {
    if (uses.size() != 1) return;
    const Id a = topology.vertex_point[low], b = topology.vertex_point[uses[0].high];
    out.push_back(uses[0].descending ? Edge{uses[0].face, b, a} : Edge{uses[0].face, a, b});
  });
  return out;
}

std::vector<Body::Extent> Body::extents_of(const std::vector<Id>& piece, std::size_t count) const {
  std::vector<Extent> out(count);
  for (std::size_t t = 0; t < triangles_.size(); ++t) {
    const auto& c = triangles_[t];
    const Vec3 a = 0.5 * cross(points_[c[1]] - points_[c[0]], points_[c[2]] - points_[c[0]]);
    Extent& extent = out[piece[t]];
    extent.area += norm(a), extent.seen = extent.seen + a;
  }
  return out;
}

std::vector<char> Body::sheets(const std::vector<Id>& piece, std::size_t count, const std::vector<Edge>& edges) const {
  std::vector<double> border(count, 0.0);
  const std::vector<Extent> extents = extents_of(piece, count);
  double total = 0;
  for (const Extent& extent : extents) total += extent.area;
  for (const Edge& e : edges) border[piece[e.face]] += norm(points_[e.b] - points_[e.a]);
  std::vector<char> out(count, 0);
  std::size_t candidates = 0;
  for (std::size_t p = 0; p < count; ++p)
    if (border[p] > 0 && extents[p].flat() && extents[p].area > kLeastSheet * total) out[p] = 1, ++candidates;
  if (candidates > kMostSheets) return std::vector<char>(count, 0);  // a soup
  for (std::size_t p = 0; p < count; ++p) {
    if (!out[p] || count == 1) continue;
    Body others = *this;
    others.drop([&](std::size_t t) { return piece[t] != p; });
    std::vector<Vec3> places;
    std::vector<double> lengths;
    for (const Edge& e : edges)
      if (piece[e.face] == p)
        places.push_back(0.5 * (points_[e.a] + points_[e.b])), lengths.push_back(norm(points_[e.b] - points_[e.a]));
    const auto nearest = nearest_faces(others.mesh(), places);
    double free = 0;
    for (std::size_t i = 0; i < places.size(); ++i)
      if (nearest[i].face < 0 || nearest[i].distance > kFreeBorder * length_) free += lengths[i];
    out[p] = free > 0.5 * border[p];
  }
  return out;
}

void Body::thicken(const std::vector<Id>& piece, const std::vector<char>& sheet, const std::vector<Edge>& edges,
                   double thickness) {
  // A point that several sheets share is another one for each.
  std::map<std::pair<Id, Id>, std::pair<Id, Vec3>> sides;  // (piece, point) -> the upper of its two points, normal
  for (std::size_t t = 0; t < triangles_.size(); ++t) {
    if (!sheet[piece[t]]) continue;
    const auto& c = triangles_[t];
    const Vec3 a = cross(points_[c[1]] - points_[c[0]], points_[c[2]] - points_[c[0]]);
    for (const Id corner : c) {
      Vec3& normal = sides.try_emplace({piece[t], corner}, Id{0}, Vec3{0, 0, 0}).first->second.second;
      normal = normal + a;
    }
  }
  for (auto& [key, side] : sides) {
    const double size = norm(side.second);
    const Vec3 half = size > 0 ? (0.5 * thickness / size) * side.second : Vec3{0, 0, 0}, at = points_[key.second];
    side.first = static_cast<Id>(points_.size());
    points_.push_back(at + half), points_.push_back(at - half);
  }
  const auto upper = [&](Id of, Id corner) { return sides.at({of, corner}).first; };
  std::vector<Corners> triangles;
  std::vector<std::int64_t> source;
  const auto add = [&](const Corners& corners, std::int64_t from) {
    triangles.push_back(corners), source.push_back(from);
  };
  for (std::size_t t = 0; t < triangles_.size(); ++t) {
    if (!sheet[piece[t]]) {
      add(triangles_[t], source_[t]);
      continue;
    }
    const Id a = upper(piece[t], triangles_[t][0]), b = upper(piece[t], triangles_[t][1]),
             c = upper(piece[t], triangles_[t][2]);
    add({a, b, c}, source_[t]), add({c + 1, b + 1, a + 1}, source_[t]);
  }
  for (const Edge& e : edges) {
    if (!sheet[piece[e.face]]) continue;
    const Id a = upper(piece[e.face], e.a), b = upper(piece[e.face], e.b);
    add({b, a, a + 1}, source_[e.face]), add({b, a + 1, b + 1}, source_[e.face]);
  }
  triangles_ = std::move(triangles), source_ = std::move(source);
}

Body::Sheets Body::thicken_sheets() {
  Sheets out;
  std::size_t count;
  std::vector<char> at_many;
  const std::vector<Id> piece = pieces(count, false, at_many);
  // Edges of one face, or of one face of a piece where it meets others.
  std::vector<Edge> edges;
  const SurfaceMesh now = mesh();
  const Topology topology(now);
  topology.for_edges([&](Id low, std::span<const Topology::Use> uses) {
    for (const auto& use : uses) {
      if (uses.size() == 2) continue;
      const Id a = topology.vertex_point[low], b = topology.vertex_point[use.high];
      edges.push_back(use.descending ? Edge{use.face, b, a} : Edge{use.face, a, b});
    }
  });
  if (edges.empty()) return out;
  const std::vector<char> sheet = sheets(piece, count, edges);
  std::vector<char> named(count, 0);
  for (std::size_t t = 0; t < triangles_.size(); ++t) {
    const Id p = piece[t];
    if (!sheet[p]) continue;
    const auto& c = triangles_[t];
    out.area += 0.5 * norm(cross(points_[c[1]] - points_[c[0]], points_[c[2]] - points_[c[0]]));
    if (!named[p]) out.sources.push_back(source_[t]), ++out.count;
    named[p] = 1;
  }
  if (out.count == 0) return out;
  out.thickness = kSheetThickness * length_;
  thicken(piece, sheet, edges, out.thickness);
  return out;
}

// Faces whose border edge has points of other borders on it are cut there, so that the two can share edges.
std::size_t Body::stitch() {
  const double near = kSame * length_;
  std::size_t cut = 0;
  for (int pass = 0; pass < 3; ++pass) {  // a pass cuts one side of a face
    const std::vector<Edge> edges = borders();
    std::vector<Id> points;
    for (const Edge& edge : edges) points.push_back(edge.a), points.push_back(edge.b);
    std::sort(points.begin(), points.end());
    points.erase(std::unique(points.begin(), points.end()), points.end());
    std::sort(points.begin(), points.end(), [&](Id a, Id b) { return points_[a][0] < points_[b][0]; });
    std::vector<char> touched(triangles_.size(), 0);
    std::size_t found = 0;
    for (const Edge& edge : edges) {
      if (touched[edge.face]) continue;
      const Vec3 &a = points_[edge.a], &b = points_[edge.b];
      const double length = norm(b - a);
      const auto first = std::lower_bound(points.begin(), points.end(), std::min(a[0], b[0]) - near,
                                          [&](Id p, double x) { return points_[p][0] < x; });
      std::vector<std::pair<double, Id>> on;
      for (auto p = first; p != points.end() && points_[*p][0] <= std::max(a[0], b[0]) + near; ++p) {
        double along;
        if (*p != edge.a && *p != edge.b && distance_to_line(points_[*p], a, b, along) < near && along > near &&
            along < length - near)
          on.emplace_back(along, *p);
      }
      if (on.empty()) continue;
      std::sort(on.begin(), on.end());
      const Corners t = triangles_[edge.face];
      std::size_t side = 0;
      while (t[side] != edge.a || t[(side + 1) % 3] != edge.b) ++side;
      const Id opposite = t[(side + 2) % 3];
      const bool own = std::any_of(on.begin(), on.end(), [&](const auto& p) { return p.second == opposite; });
      if (own) continue;
      touched[edge.face] = 1;
      ++found;
      on.emplace_back(length, edge.b);
      triangles_[edge.face] = {opposite, edge.a, on.front().second};
      for (std::size_t i = 0; i + 1 < on.size(); ++i) {
        triangles_.push_back({opposite, on[i].second, on[i + 1].second});
        source_.push_back(source_[edge.face]);
      }
    }
    cut += found;
    if (found == 0) break;
  }
  return cut;
}

std::size_t Body::orient() {
  SurfaceMesh now = mesh();
  const Orientation done = geometry::orient(now);
  std::size_t turned = 0;
  for (std::size_t t = 0; t < triangles_.size(); ++t) {
    Corners corners;
    for (std::size_t i = 0; i < 3; ++i) corners[i] = static_cast<Id>(now.corners[3 * t + i]);
    turned += corners != triangles_[t];
    triangles_[t] = corners;
  }
  return done.faces > 0 || done.pieces > 0 ? turned : 0;
}

// A body whose panels do not share their borders: a lid on each would be a part without a volume.
bool Body::in_panels() const {
  std::size_t count;
  std::vector<char> at_many;
  const std::vector<Id> piece = pieces(count, false, at_many);
  const std::vector<Extent> extents = extents_of(piece, count);
  std::vector<char> open(count, 0);
  for (const Edge& e : borders()) open[piece[e.face]] = 1;
  double panels = 0, total = 0;
  for (std::size_t p = 0; p < count; ++p) {
    total += extents[p].area;
    if (open[p] && extents[p].flat()) panels += extents[p].area;
  }
  return panels > 0.5 * total;
}

Body::Filling Body::fill_holes() {
  Filling out;
  if (in_panels()) return out;
  std::unordered_map<Id, std::vector<Id>> next;            // along the border, against its faces
  std::unordered_map<std::uint64_t, std::int64_t> beside;  // [edges of borders] its face of the surface
  const auto edge_key = [](Id a, Id b) { return (std::uint64_t{std::max(a, b)} << 32) | std::min(a, b); };
  for (const Edge& edge : borders()) {
    next[edge.b].push_back(edge.a);
    if (source_[edge.face] >= 0) beside[edge_key(edge.a, edge.b)] = source_[edge.face];
  }
  std::unordered_set<std::uint64_t> taken;  // edges between points of borders
  for (const Corners& t : triangles_)
    for (std::size_t i = 0; i < 3; ++i)
      if (next.contains(t[i]) && next.contains(t[(i + 1) % 3])) taken.insert(edge_key(t[i], t[(i + 1) % 3]));
  std::vector<Id> starts;
  for (const auto& [from, to] : next) starts.push_back(from);
  std::sort(starts.begin(), starts.end());
  std::vector<std::vector<Id>> loops;
  for (const Id start : starts) {
    while (!next[start].empty()) {
      std::vector<Id> line{start};
      std::unordered_map<Id, std::size_t> place{{start, 0}};
      while (true) {
        auto& ways = next[line.back()];
        if (ways.empty()) break;  // no loop: a border between faces that disagree
        const Id to = ways.back();
        ways.pop_back();
        if (const auto met = place.find(to); met != place.end()) {
          std::vector<Id> loop(line.begin() + static_cast<std::ptrdiff_t>(met->second), line.end());
          for (std::size_t i = met->second + 1; i < line.size(); ++i) place.erase(line[i]);
          line.resize(met->second + 1);
          if (loop.size() >= 3) loops.push_back(std::move(loop));
          if (line.size() == 1) break;
          continue;
        }
        place[to] = line.size();
        line.push_back(to);
      }
    }
  }
  for (const auto& loop : loops) {
    core::check_interrupt();
    std::vector<Vec3> line;
    Box box;
    Vec3 middle{0, 0, 0}, area{0, 0, 0};
    for (const Id v : loop) line.push_back(points_[v]), box.add(points_[v]), middle = middle + points_[v];
    middle = (1.0 / static_cast<double>(loop.size())) * middle;
    for (std::size_t i = 0; i < line.size(); ++i)
      area = area + cross(line[i] - middle, line[(i + 1) % line.size()] - middle);
    const double width = norm(box.size());
    double bent = width;  // how far the line leaves its plane
    if (norm(area) > 0) {
      bent = 0;
      for (const Vec3& p : line) bent = std::max(bent, std::abs(dot(p - middle, area)) / norm(area));
    }
    std::vector<std::array<int, 3>> found;
    if (loop.size() <= kLongestLoop && (width <= kWidestHole * length_ || bent <= kFlatHole * width))
      found = triangulate_loop(line);
    if (found.empty()) {
      ++out.left;
      out.widest_left = std::max(out.widest_left, width);
      continue;
    }
    // No edge of the filling, but those of the hole, may be one of the surface already.
    const auto corner = [&](int i) { return loop[static_cast<std::size_t>(i)]; };
    const auto is_side = [&](int i, int j) {
      const int apart = std::abs(i - j);
      return apart == 1 || apart == static_cast<int>(loop.size()) - 1;
    };
    const bool clashes = std::any_of(found.begin(), found.end(), [&](const std::array<int, 3>& t) {
      for (std::size_t i = 0; i < 3; ++i)
        if (const int a = t[i], b = t[(i + 1) % 3]; !is_side(a, b) && taken.contains(edge_key(corner(a), corner(b))))
          return true;
      return false;
    });
    std::vector<Corners> faces;
    if (clashes) {
      const auto center = static_cast<Id>(points_.size());
      points_.push_back(middle);
      for (std::size_t i = 0; i < loop.size(); ++i) faces.push_back({center, loop[i], loop[(i + 1) % loop.size()]});
    } else {
      for (const auto& t : found) faces.push_back({corner(t[0]), corner(t[1]), corner(t[2])});
    }
    for (const Corners& t : faces)
      for (std::size_t i = 0; i < 3; ++i) taken.insert(edge_key(t[i], t[(i + 1) % 3]));
    ++out.holes;
    out.faces += faces.size();
    out.widest = std::max(out.widest, width);
    Filling::Lid lid;
    for (const Corners& t : faces)
      lid.area += 0.5 * norm(cross(points_[t[1]] - points_[t[0]], points_[t[2]] - points_[t[0]]));
    for (std::size_t i = 0; i < loop.size(); ++i)
      if (const auto at = beside.find(edge_key(loop[i], loop[(i + 1) % loop.size()])); at != beside.end())
        lid.beside.push_back(at->second);
    out.lids.push_back(std::move(lid));
    triangles_.insert(triangles_.end(), faces.begin(), faces.end());
    source_.insert(source_.end(), faces.size(), -1);
  }
  return out;
}

// Connected faces: across edges of exactly two faces, or across any. at_many: [pieces] has an edge of three or more.
std::vector<Id> Body::pieces(std::size_t& count, bool across_any, std::vector<char>& at_many) const {
  std::vector<Id> root(triangles_.size());
  std::iota(root.begin(), root.end(), Id{0});
  const auto find = [&](Id f) {
    while (root[f] != f) f = root[f] = root[root[f]];
    return f;
  };
  std::vector<char> many(triangles_.size(), 0);
  const SurfaceMesh now = mesh();
  Topology(now).for_edges([&](Id, std::span<const Topology::Use> uses) {
    if (uses.size() > 2)
      for (const auto& use : uses) many[use.face] = 1;
    if (uses.size() != 2 && !across_any) return;
    for (std::size_t i = 1; i < uses.size(); ++i) {
      const Id a = find(uses[0].face), b = find(uses[i].face);
      root[std::max(a, b)] = std::min(a, b);
    }
  });
  std::vector<Id> piece(triangles_.size());
  count = 0;
  for (Id f = 0; f < triangles_.size(); ++f) piece[f] = find(f) == f ? static_cast<Id>(count++) : piece[find(f)];
  at_many.assign(count, 0);
  for (std::size_t f = 0; f < triangles_.size(); ++f) at_many[piece[f]] |= many[f];
  return piece;
}

std::vector<char> Body::hidden_faces(std::size_t& hidden_pieces_count) const {
  std::size_t count;
  std::vector<char> asked;
  const std::vector<Id> piece = pieces(count, false, asked);
  hidden_pieces_count = 0;
  if (count < 2) return {};
  std::vector<Box> boxes(count);
  for (std::size_t t = 0; t < triangles_.size(); ++t)
    for (const Id corner : triangles_[t]) boxes[piece[t]].add(points_[corner]);
  // Quadratic, but an assembly has few parts, and beyond all are asked.
  for (std::size_t i = 0; i < count; ++i)
    asked[i] = asked[i] || count > 4000 || std::any_of(boxes.begin(), boxes.end(), [&](const Box& outer) {
                 return &outer != &boxes[i] && outer.contains(boxes[i].low) && outer.contains(boxes[i].high);
               });
  if (std::none_of(asked.begin(), asked.end(), [](char c) { return c != 0; })) return {};
  const std::vector<char> hidden = hidden_pieces(mesh(), piece, count, asked);
  hidden_pieces_count = static_cast<std::size_t>(std::count(hidden.begin(), hidden.end(), char{1}));
  if (hidden_pieces_count == 0) return {};
  std::vector<char> out(triangles_.size());
  for (std::size_t t = 0; t < triangles_.size(); ++t) out[t] = hidden[piece[t]];
  return out;
}

bool Body::any_hidden() const {
  std::size_t count;
  return !hidden_faces(count).empty();
}

std::size_t Body::drop_hidden(std::size_t* faces) {
  std::size_t count;
  const std::vector<char> hidden = hidden_faces(count);
  *faces = hidden.empty() ? 0 : drop([&](std::size_t t) { return !hidden[t]; });
  return count;
}

void Body::take(const SurfaceMesh& mesh) {
  using Place = std::array<Vec3, 3>;
  const auto key = [](Place p) {
    std::sort(p.begin(), p.end());
    return p;
  };
  std::map<Place, std::size_t> known;
  for (std::size_t t = 0; t < triangles_.size(); ++t)
    known.emplace(key({points_[triangles_[t][0]], points_[triangles_[t][1]], points_[triangles_[t][2]]}), t);
  struct New {
    std::size_t order;
    Corners corners;
    std::int64_t source;
  };
  std::vector<New> faces;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    const std::int64_t* c = mesh.corners.data() + mesh.offsets[f];
    New face{triangles_.size() + f, {static_cast<Id>(c[0]), static_cast<Id>(c[1]), static_cast<Id>(c[2])}, -1};
    const auto found = known.find(key({mesh.corner(f, 0), mesh.corner(f, 1), mesh.corner(f, 2)}));
    if (found != known.end()) {
      face.order = found->second, face.source = source_[found->second];
      const Vec3& first = points_[triangles_[found->second][0]];
      while (mesh.points[face.corners[0]] != first)
        std::rotate(face.corners.begin(), face.corners.begin() + 1, face.corners.end());
    }
    faces.push_back(face);
  }
  std::sort(faces.begin(), faces.end(), [](const New& a, const New& b) { return a.order < b.order; });
  const Topology topology(mesh);  // CGAL has two points where sheets touch in one
  points_.clear(), triangles_.clear(), source_.clear();
  for (const Id p : topology.vertex_point) points_.push_back(mesh.points[p]);
  for (New& face : faces) {
    for (Id& corner : face.corners) corner = topology.vertex[corner];
    triangles_.push_back(face.corners), source_.push_back(face.source);
  }
}

std::vector<Id> Body::closed_parts(std::size_t& count) const {
  std::vector<Id> root(triangles_.size());
  std::iota(root.begin(), root.end(), Id{0});
  const auto find = [&](Id f) {
    while (root[f] != f) f = root[f] = root[root[f]];
    return f;
  };
  bool closed = true;
  const SurfaceMesh now = mesh();
  Topology(now).for_edges([&](Id, std::span<const Topology::Use> uses) {
    closed = closed && uses.size() % 2 == 0;
    for (std::size_t i = 0; closed && i < uses.size(); i += 2) {
      closed = uses[i].descending != uses[i + 1].descending;
      const Id a = find(uses[i].face), b = find(uses[i + 1].face);
      root[std::max(a, b)] = std::min(a, b);
    }
  });
  count = 0;
  if (!closed) return {};
  std::vector<Id> part(triangles_.size());
  for (Id f = 0; f < triangles_.size(); ++f) part[f] = find(f) == f ? static_cast<Id>(count++) : part[find(f)];
  return part;
}

bool Body::parts_touch() const {
  std::size_t count, connected;
  std::vector<char> at_many;
  if (closed_parts(count).empty()) return false;
  pieces(connected, true, at_many);
  return count > connected && count <= kMostParts;
}

std::size_t Body::unite_parts() {
  std::size_t count;
  const std::vector<Id> part = closed_parts(count);
  if (count < 2 || count > kMostParts) return 0;
  SurfaceMesh now = mesh();
  if (!unite(now, part, count)) return 0;
  take(now);
  return count;
}

// The faces in cuts go, and from the second round on their neighbours, and the gaps are filled.
bool Body::remove_cuts() {
  for (int round = 0; round < 4; ++round) {
    std::vector<char> cut;
    const auto found = count_self_intersections(points_, triangles_, &cut);
    if (!found) return false;
    if (*found == 0) return true;
    if (round > 0) {
      std::vector<char> near(points_.size(), 0);
      for (std::size_t t = 0; t < triangles_.size(); ++t)
        if (cut[t])
          for (const Id corner : triangles_[t]) near[corner] = 1;
      for (std::size_t t = 0; t < triangles_.size(); ++t)
        for (const Id corner : triangles_[t]) cut[t] |= near[corner];
    }
    drop([&](std::size_t t) { return !cut[t]; });
    if (triangles_.empty()) return false;
    fill_holes();
    drop_duplicates();
    orient();
  }
  return count_self_intersections(points_, triangles_) == 0;
}

// In a process of its own: CGAL cannot be interrupted there, and of a soup it makes work without an end.
void Body::wrap(double alpha, double offset, const std::string& where) {
  const SurfaceMesh now = mesh();
  core::info(str(where, ": a closed skin is wrapped around its ", size(), " faces"));
  const std::uint64_t seconds = kWrapSeconds + static_cast<std::uint64_t>(size()) / kWrapFacesPerSecond;
  const std::string bytes = core::run_apart(
      {where + ": ", seconds, "wrapping it in a closed skin",
       "its faces are far from being a body, or the gaps to bridge far too fine",
       "close it in the CAD or meshing program, give a larger --wrap-gap, or pass --repair full or none"},
      [&] {
        const SurfaceMesh skin = alpha_wrap(now, alpha, offset);
        std::string out;
        const std::size_t points = skin.points.size();
        out.append(reinterpret_cast<const char*>(&points), sizeof points);
        out.append(reinterpret_cast<const char*>(skin.points.data()), points * sizeof(Vec3));
        out.append(reinterpret_cast<const char*>(skin.corners.data()), skin.corners.size() * sizeof(std::int64_t));
        return out;
      });
  SurfaceMesh skin;
  std::size_t points = 0;
  std::memcpy(&points, bytes.data(), sizeof points);
  const std::size_t at = sizeof points + points * sizeof(Vec3);
  skin.points.resize(points), skin.corners.resize((bytes.size() - at) / sizeof(std::int64_t));
  std::memcpy(skin.points.data(), bytes.data() + sizeof points, points * sizeof(Vec3));
  std::memcpy(skin.corners.data(), bytes.data() + at, bytes.size() - at);
  for (std::size_t f = 0; f <= skin.corners.size() / 3; ++f) skin.offsets.push_back(static_cast<std::int64_t>(3 * f));
  take(skin);
}

SurfaceMesh Body::finish(const SurfaceMesh& surface) const {
  SurfaceMesh out = mesh();
  std::vector<char> used(out.points.size(), 0);
  for (const std::int64_t c : out.corners) used[static_cast<std::size_t>(c)] = 1;
  if (std::find(used.begin(), used.end(), char{0}) != used.end()) {
    std::vector<std::int64_t> number(out.points.size());
    std::vector<Vec3> points;
    for (std::size_t i = 0; i < used.size(); ++i) {
      number[i] = static_cast<std::int64_t>(points.size());
      if (used[i]) points.push_back(out.points[i]);
    }
    for (std::int64_t& c : out.corners) c = number[static_cast<std::size_t>(c)];
    out.points = std::move(points);
  }
  out.patch_names = surface.patch_names;
  out.file_unit = surface.file_unit, out.unit_stated = surface.unit_stated;
  std::vector<Vec3> places;
  std::vector<std::size_t> unknown;
  for (std::size_t t = 0; t < triangles_.size(); ++t) {
    if (source_[t] >= 0)
      out.patch[t] = surface.patch[static_cast<std::size_t>(source_[t])];
    else
      unknown.push_back(t), places.push_back(out.centroid(t));
  }
  if (surface.patch_names.size() > 1 && !unknown.empty()) {
    const auto nearest = nearest_faces(surface, places);
    for (std::size_t i = 0; i < unknown.size(); ++i)
      if (nearest[i].face >= 0) out.patch[unknown[i]] = surface.patch[static_cast<std::size_t>(nearest[i].face)];
  }
  return out;
}

Openings sorted(std::size_t count, const std::vector<double>& of_patch, const SurfaceMesh& surface) {
  Openings out;
  out.count = count;
  for (std::size_t p = 0; p < of_patch.size(); ++p) {
    out.area += of_patch[p];
    if (of_patch[p] > 0) out.of_part.emplace_back(surface.patch_names[p], of_patch[p]);
  }
  std::stable_sort(out.of_part.begin(), out.of_part.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return out;
}

// Each hole belongs to the part that most of its border does.
template <class Lids>
Openings filled(const SurfaceMesh& surface, const Lids& lids) {
  std::vector<double> of_patch(surface.patch_names.size(), 0);
  for (const auto& lid : lids) {
    std::vector<std::size_t> votes(surface.patch_names.size(), 0);
    for (const std::int64_t face : lid.beside)
      ++votes[static_cast<std::size_t>(surface.patch[static_cast<std::size_t>(face)])];
    of_patch[static_cast<std::size_t>(std::max_element(votes.begin(), votes.end()) - votes.begin())] += lid.area;
  }
  return sorted(lids.size(), of_patch, surface);
}

// Of a skin that stands off by `offset`: connected faces that are farther from the surface than that and the ball in a
// corner of 90 degrees explain (0.41 alpha), and together larger than the ball that did not get in.
Openings bridged(const SurfaceMesh& surface, const SurfaceMesh& skin, double offset, double alpha) {
  std::vector<Vec3> places;
  for (std::size_t f = 0; f < skin.face_count(); ++f) places.push_back(skin.centroid(f));
  const auto nearest = nearest_faces(surface, places);
  const auto far = [&](Id f) { return nearest[f].distance > offset + 0.45 * alpha; };
  std::vector<Id> root(skin.face_count());
  std::iota(root.begin(), root.end(), Id{0});
  const auto find = [&](Id f) {
    while (root[f] != f) f = root[f] = root[root[f]];
    return f;
  };
  Topology(skin).for_edges([&](Id, std::span<const Topology::Use> uses) {
    if (uses.size() != 2 || !far(uses[0].face) || !far(uses[1].face)) return;
    const Id a = find(uses[0].face), b = find(uses[1].face);
    root[std::max(a, b)] = std::min(a, b);
  });
  std::vector<double> area(skin.face_count(), 0);
  for (Id f = 0; f < skin.face_count(); ++f)
    if (far(f)) area[find(f)] += norm(skin.area_vector(f));
  const double least = std::numbers::pi * alpha * alpha;
  std::vector<double> of_patch(surface.patch_names.size(), 0);
  std::size_t count = 0;
  for (Id f = 0; f < skin.face_count(); ++f) {
    if (!far(f) || area[find(f)] < least) continue;
    count += find(f) == f;
    of_patch[static_cast<std::size_t>(surface.patch[static_cast<std::size_t>(nearest[f].face)])] +=
        norm(skin.area_vector(f));
  }
  return sorted(count, of_patch, surface);
}

// What stands between a body and its use as one.
struct Check {
  SurfaceReport report;
  bool closed = false, free_of_cuts = false, hidden = false;
  bool sound() const { return closed && free_of_cuts && !hidden; }
};

Check check(const Body& body) {
  Check out;
  const SurfaceMesh mesh = body.mesh();
  out.report = geometry::report(mesh, mesh.face_count() <= kMostForCuts);
  out.closed = out.report.watertight && out.report.volume > 0;
  out.free_of_cuts = !out.report.cuts_undecided && out.report.self_intersections.value_or(0) == 0;
  out.hidden = (out.report.non_manifold_edges > 0 || out.report.nested_components > 0) && body.any_hidden();
  return out;
}

}  // namespace

const char* name(Rung rung) {
  constexpr const char* kNames[] = {"none", "light", "full", "wrap"};
  return kNames[static_cast<int>(rung)];
}

std::string to_text(const RepairStep& step) {
  return str(step.what, ": ", step.count, step.detail.empty() ? "" : " (" + step.detail + ")");
}

std::string to_text(const Openings& openings) {
  constexpr std::size_t kMost = 5;
  std::string out = str(openings.area, " m2");
  for (std::size_t i = 0; i < std::min(openings.of_part.size(), kMost); ++i)
    out += str(i ? ", '" : ": '", openings.of_part[i].first, "' ", openings.of_part[i].second, " m2");
  return openings.of_part.size() > kMost ? str(out, " and ", openings.of_part.size() - kMost, " more") : out;
}

std::vector<char> hidden_faces(const SurfaceMesh& surface, const SurfaceMesh& body, double tolerance) {
  const double depth = std::max(2 * tolerance, kSame * extent(surface));
  std::vector<char> hidden = faces_inside(surface, body, depth);
  // Of faces given twice one is enough.
  const Topology topology(surface);
  std::vector<char> many(surface.face_count(), 0);
  topology.for_edges([&](Id, std::span<const Topology::Use> uses) {
    if (uses.size() > 2)
      for (const auto& use : uses) many[use.face] = 1;
  });
  std::map<std::vector<Id>, std::size_t> seen;
  for (std::size_t f = 0; f < surface.face_count(); ++f) {
    if (!many[f] || hidden[f]) continue;
    std::vector<Id> ring(topology.ring(f).begin(), topology.ring(f).end());
    std::sort(ring.begin(), ring.end());
    if (!seen.emplace(std::move(ring), f).second) hidden[f] = 1;
  }
  if (std::none_of(hidden.begin(), hidden.end(), [](char c) { return c != 0; })) hidden.clear();
  return hidden;
}

void check_shape(const SurfaceMesh& body, const RepairOptions& options, const std::string& where,
                 std::vector<std::string>& warnings) {
  if (body.face_count() > kMostForCuts) return;
  const ShapeChecks found = check_facets(body);
  const double length = extent(body);
  const auto percent = [](double share) { return str(std::round(100 * share), " %"); };
  const auto object = [&](bool refuse, const char* word, const std::string& what, const char* remedy) {
    if (refuse) throw Error(ErrorKind::input, where + ": " + what, str(remedy, ", or pass --accept ", word));
    warnings.push_back(what);
  };
  if (found.rough > kRoughWarned)
    object(
        found.rough > kRoughRefused && !options.accept_noisy, "noisy",
        str("on ", percent(found.rough), " of its area the surface goes up and down from one triangle to the next, as ",
            "a raw scan does: friction and the shape that the model sees are unsure"),
        "smooth the surface");
  if (found.step > kStepsWarned * length)
    object(found.step > kStepsRefused * length && found.turn > kTurnRefused && !options.accept_coarse, "coarse",
           str("its ", body.face_count(), " triangles are too coarse: ", percent(found.stepped),
               " of the area are flat facets of curves that turn by about ",
               std::round(found.turn * 180 / std::numbers::pi), " degrees from one to the next and lie ",
               found.step / found.stepped, " m off the curve on average"),
           "export the body with a finer tessellation");
}

Repair repair(const SurfaceMesh& surface, const SurfaceReport& report, const Preparation& preparation,
              const RepairOptions& options, const std::string& where) {
  Repair out;
  if (options.rung == Rung::none) {
    out.warnings = preparation.defects;
    return out;
  }
  const bool serves = report.boundary_edges == 0 && report.non_manifold_edges == 0 && preparation.conflicts == 0 &&
                      !report.cuts_undecided && report.self_intersections.value_or(0) == 0;
  if (options.automatic && serves && report.nested_components == 0) return out;
  Body body(surface);
  if (options.automatic && serves && !body.any_hidden()) return out;

  const auto step = [&](const char* what, std::size_t count, std::string detail = {}) {
    core::check_interrupt();
    if (count > 0) out.steps.push_back({what, count, std::move(detail)});
    return count > 0;
  };
  std::optional<Body> parts;  // that share faces, before one of each is dropped
  std::size_t steps_before = 0;
  const auto lightly = [&] {
    step("points merged", body.merge_borders(), str("closer than ", kSame * body.length(), " m"));
    step("collapsed faces dropped", body.drop_collapsed());
    if (body.parts_touch()) parts = body, steps_before = out.steps.size();
    step("duplicate faces dropped", body.drop_duplicates());
    if (step("faces cut at points on their border", body.stitch())) {
      step("collapsed faces dropped", body.drop_collapsed());
      step("duplicate faces dropped", body.drop_duplicates());
    }
    step("faces turned", body.orient());
  };
  const auto at_most = [&](Rung rung) { return options.rung == rung; };

  out.rung = Rung::light;
  lightly();
  Check now = check(body);
  Body::Filling filling;
  double plates = 0;  // m, the thickness of sheets
  if (!at_most(Rung::light) && !(options.automatic && now.sound())) {
    out.rung = Rung::full;
    if (const Body::Sheets sheets = body.thicken_sheets(); sheets.count > 0) {
      plates = sheets.thickness;
      std::string names;
      for (const std::int64_t f : sheets.sources) {
        const std::string& name = surface.patch_names[static_cast<std::size_t>(
            surface.patch[static_cast<std::size_t>(std::max<std::int64_t>(f, 0))])];
        if (names.find("'" + name + "'") == std::string::npos) names += (names.empty() ? "'" : ", '") + name + "'";
      }
      step("sheets made into plates", sheets.count,
           str("of ", names, ", ", sheets.area, " m2, ", sheets.thickness, " m thick"));
      out.warnings.push_back(str(sheets.count, sheets.count == 1 ? " sheet" : " sheets", " without a thickness (of ",
                                 names, ") became plates ", sheets.thickness,
                                 " m thick: their edges are no finer than that"));
      now = check(body);
    }
    const std::size_t steps = out.steps.size();
    const auto leave_out_hidden = [&] {
      std::size_t faces = 0;
      const std::size_t hidden = body.drop_hidden(&faces);
      step("walls and parts inside left out", hidden, str(faces, " faces"));
    };
    if (parts && step("parts united where they touch or overlap", parts->unite_parts())) {
      if (Check united = check(*parts); united.closed) {
        out.steps.erase(out.steps.begin() + static_cast<std::ptrdiff_t>(steps_before), out.steps.end() - 1);
        body = *parts, now = std::move(united);
      } else {
        out.steps.pop_back();
      }
    }
    leave_out_hidden();
    filling = body.fill_holes();
    out.openings = filled(surface, filling.lids);
    step("holes filled", filling.holes,
         str(filling.faces, " faces, the widest hole ", filling.widest, " m; ", to_text(out.openings)));
    if (filling.holes > 0) leave_out_hidden();  // what only the holes let be seen
    if (out.steps.size() > steps) {
      step("duplicate faces dropped", body.drop_duplicates());
      step("faces turned", body.orient());
      now = check(body);
    }
    if (now.closed && !now.free_of_cuts && now.report.components > 1) {
      if (step("parts united where they touch or overlap", body.unite_parts())) {
        leave_out_hidden();
        now = check(body);
      }
    }
    if (now.closed && !now.free_of_cuts) {
      // What lost faces on the way and is not free of cuts in the end is worse than what it was made of.
      Body tried = body;
      if (tried.remove_cuts())
        if (Check after = check(tried); after.closed && after.free_of_cuts) {
          step("pairs of faces that cut each other removed",
               static_cast<std::size_t>(now.report.self_intersections.value_or(0)));
          body = std::move(tried), now = std::move(after);
        }
    }
  }
  const double cuts = static_cast<double>(now.report.self_intersections.value_or(0));
  const bool few_cuts =
      !now.report.cuts_undecided && cuts <= std::max(10.0, kFewCuts * static_cast<double>(now.report.faces));
  const bool serves_now = now.closed && few_cuts && !now.hidden;
  if (at_most(Rung::wrap) && !(options.automatic && serves_now)) {
    out.rung = Rung::wrap;
    const double gap = options.wrap_gap > 0 ? options.wrap_gap : kWrapGap * body.length(), alpha = 0.5 * gap;
    out.tolerance = kOffset * body.length();
    body.wrap(alpha, out.tolerance, where);
    step("faces of a closed skin around it", body.size(),
         str("within ", out.tolerance, " m, gaps below ", gap, " m bridged"));
    now = check(body);
    out.openings = bridged(surface, body.mesh(), out.tolerance, alpha);
    step("openings and gaps bridged by it", out.openings.count, to_text(out.openings));
    out.warnings.push_back(str("the body is wrapped in a closed skin that stands off by up to ", out.tolerance,
                               " m and bridges gaps below ", gap, " m: forces are those of the skin"));
    if (!now.closed)
      throw Error(ErrorKind::input, where + ": no closed body can be made of the surface",
                  "close it in the CAD or meshing program, or pass --repair none to take it as it is");
  }
  if (now.report.boundary_edges > 0 || now.report.non_manifold_edges > 0 || now.report.inconsistent_edges > 0)
    out.warnings.push_back(str("after the repair (", name(out.rung),
                               ") the body is still not closed: ", now.report.boundary_edges, " edges of one face, ",
                               now.report.non_manifold_edges, " of three or more"));
  if (const auto left = now.report.self_intersections.value_or(0); left > 0)
    out.warnings.push_back(
        str("after the repair (", name(out.rung), ") ", left, " pairs of faces still cut each other"));
  if (filling.widest > 0.1 * body.length())
    out.warnings.push_back(str("a hole ", filling.widest, " m wide was closed by a flat or smooth patch of faces: ",
                               "if air should flow in there, the answer is another body's"));
  if (filling.left > 0)
    out.warnings.push_back(str(filling.left, filling.left == 1 ? " hole" : " holes", " up to ", filling.widest_left,
                               " m wide could not be filled: the body's inside is taken to be open there"));
  out.body = body.finish(surface);
  // A sheet lies in the middle of its plate.
  out.hidden = hidden_faces(surface, *out.body, std::max(out.tolerance, plates));
  out.hidden_faces = static_cast<std::size_t>(std::count(out.hidden.begin(), out.hidden.end(), char{1}));
  return out;
}

}  // namespace streamtube::geometry
