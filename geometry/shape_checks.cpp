#include "geometry/shape_checks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <tuple>
#include <vector>

#include "core/runtime.hpp"
#include "geometry/topology.hpp"

namespace streamtube::geometry {

namespace {

constexpr double kDegree = std::numbers::pi / 180;
constexpr double kRoughFrom = 2 * kDegree, kRoughTo = 60 * kDegree;
// A bend of a curve in steps. What turns less is fine enough, what turns more is an edge that is meant.
constexpr double kStepFrom = 8 * kDegree, kStepTo = 50 * kDegree;
// The next bend on either side turns by at least this share of it, and the facet between turns by no more than that.
constexpr double kNextBend = 1.0 / 3, kFlat = 0.25;
// Facets of one curve do not differ more in width: a chamfer beside a side is no curve.
constexpr double kWidths = 4;
constexpr int kMostCrossings = 256;
constexpr double kSamples[] = {1.0 / 6, 0.5, 5.0 / 6};  // places along an edge

// Soup with their neighbours across each side, where exactly two meet.
class Soup {
 public:
  static constexpr Id kNone = ~Id{0};

  Soup(const SurfaceMesh& mesh, const Topology& topology) {
    for (const Id p : topology.vertex_point) points.push_back(mesh.points[p]);
    for (std::size_t f = 0; f < topology.face_count(); ++f) {
      const auto ring = topology.ring(f);
      for (std::size_t i = 1; i + 1 < ring.size(); ++i) {
        corners.push_back({ring[0], ring[i], ring[i + 1]});
        face.push_back(static_cast<Id>(f));
      }
    }
    struct Side {
      std::uint64_t key;
      Id triangle;
      std::uint8_t side;
      bool descending;
    };
    std::vector<Side> sides;
    sides.reserve(3 * corners.size());
    for (Id t = 0; t < corners.size(); ++t) {
      const Vec3 a = cross(point(t, 1) - point(t, 0), point(t, 2) - point(t, 0));
      area.push_back(0.5 * norm(a));
      normal.push_back(area[t] > 0 ? (0.5 / area[t]) * a : Vec3{0, 0, 0});
      for (std::uint8_t s = 0; s < 3; ++s) {
        const Id from = corners[t][s], to = corners[t][(s + 1) % 3];
        sides.push_back({(std::uint64_t{std::min(from, to)} << 32) | std::max(from, to), t, s, from > to});
      }
    }
    std::sort(sides.begin(), sides.end(), [](const Side& a, const Side& b) {
      return std::tie(a.key, a.triangle, a.side) < std::tie(b.key, b.triangle, b.side);
    });
    next.assign(corners.size(), {kNone, kNone, kNone});
    next_side.assign(corners.size(), {0, 0, 0});
    turn.assign(corners.size(), {0, 0, 0});
    for (std::size_t i = 0; i < sides.size();) {
      std::size_t end = i + 1;
      while (end < sides.size() && sides[end].key == sides[i].key) ++end;
      if (end - i == 2 && sides[i].descending != sides[i + 1].descending && sides[i].triangle != sides[i + 1].triangle)
        join(sides[i].triangle, sides[i].side, sides[i + 1].triangle, sides[i + 1].side);
      i = end;
    }
  }

  std::size_t size() const { return corners.size(); }
  const Vec3& point(Id t, int i) const { return points[corners[t][static_cast<std::size_t>(i % 3)]]; }
  Vec3 edge(Id t, int side) const { return point(t, side + 1) - point(t, side); }

  std::vector<Vec3> points;
  std::vector<std::array<Id, 3>> corners;
  std::vector<Id> face;                                // of the mesh
  std::vector<Vec3> normal;                            // unit; zero without area
  std::vector<double> area;                            // m2
  std::vector<std::array<Id, 3>> next;                 // kNone: none, or no side of exactly two that agree
  std::vector<std::array<std::uint8_t, 3>> next_side;  // the same side, seen from there
  std::vector<std::array<double, 3>> turn;             // of the normal, radians; positive over a ridge

 private:
  void join(Id a, std::uint8_t i, Id b, std::uint8_t j) {
    if (!(area[a] > 0 && area[b] > 0)) return;
    const Vec3 e = edge(a, i);
    const double length = norm(e);
    if (!(length > 0)) return;
    next[a][i] = b, next[b][j] = a;
    next_side[a][i] = j, next_side[b][j] = i;
    turn[a][i] = turn[b][j] = std::atan2(dot(cross(normal[a], normal[b]), e) / length, dot(normal[a], normal[b]));
  }
};

// The facet on one side of a bend: as far as the next bend.
struct Facet {
  double width = 0, next_turn = 0;  // m, radians
};

// Goes straight on from a place on a side of triangle t, at right angles to it, as long as the surface is flat, to a
// bend the same way. Nothing, when there is none: the surface ends, bends away or over an edge that is meant, curves
// without bends, or goes on for more than `farthest`.
std::optional<Facet> walk(const Soup& mesh, Id t, int side, double at, double bend, double farthest,
                          std::vector<Id>& passed) {
  const double sense = bend > 0 ? 1 : -1, size = std::abs(bend);
  Vec3 e = mesh.edge(t, side);
  Vec3 place = mesh.point(t, side) + at * e;
  Vec3 heading = cross(mesh.normal[t], e);
  heading = (1 / norm(heading)) * heading;
  const double height = 2 * mesh.area[t] / norm(e);
  double gone = 0, curved = 0;
  for (int crossing = 0; crossing < kMostCrossings && gone <= farthest; ++crossing) {
    passed.push_back(t);
    // Of the two other sides, the one that is met first.
    int exit = -1;
    double distance = 0;
    for (int s = 1; s < 3; ++s) {
      const int other = (side + s) % 3;
      const Vec3 inward = cross(mesh.normal[t], mesh.edge(t, other));
      const double speed = -dot(heading, inward);
      if (!(speed > 0)) continue;
      const double d = std::max(0.0, dot(place - mesh.point(t, other), inward) / speed);
      if (exit < 0 || d < distance) exit = other, distance = d;
    }
    if (exit < 0) return {};
    gone += distance, place = place + distance * heading;
    const auto x = static_cast<std::size_t>(exit);
    const Id there = mesh.next[t][x];
    if (there == Soup::kNone || std::abs(mesh.turn[t][x]) >= kStepTo) return {};
    e = mesh.edge(t, exit);
    const double length = norm(e), along = dot(heading, e) / length;
    const double across = std::sqrt(std::max(0.0, 1 - along * along));
    const double turned = sense * mesh.turn[t][x] * across;
    if (turned >= kNextBend * size) return Facet{std::max(gone, passed.size() == 1 ? height : 0.0), turned};
    curved += turned;
    if (std::abs(curved) > kFlat * size) return {};
    const Vec3 inward = cross(mesh.normal[there], -1.0 * e);  // the side runs the other way there
    heading = (along / length) * e + (across / norm(inward)) * inward;
    side = mesh.next_side[t][x];
    t = there;
  }
  return {};
}

class Steps {
 public:
  explicit Steps(const Soup& mesh) : mesh_(mesh), beside_(mesh.size(), 0) {
    Box box;
    for (const Vec3& p : mesh.points) box.add(p);
    const Vec3 size = box.size();
    farthest_ = 0.5 * std::max({size[0], size[1], size[2]});
  }

  void add(Id t, int side) {
    const auto s = static_cast<std::size_t>(side);
    const double bend = mesh_.turn[t][s], size = std::abs(bend);
    if (size < kStepFrom || size >= kStepTo) return;
    const Id other = mesh_.next[t][s];
    for (const double at : kSamples) {
      passed_.clear(), passed_beyond_.clear();
      const auto here = walk(mesh_, t, side, at, bend, farthest_, passed_);
      if (!here) continue;
      const auto beyond =
          walk(mesh_, other, mesh_.next_side[t][s], 1 - at, bend, kWidths * here->width, passed_beyond_);
      if (!beyond) continue;
      const double wide = std::max(here->width, beyond->width), width = std::min(here->width, beyond->width);
      if (wide > kWidths * width) continue;
      const double turn = std::min({size, 2 * here->next_turn, 2 * beyond->next_turn});
      const double weight = norm(mesh_.edge(t, side)) * width * width * turn / 12 / std::size(kSamples);
      sum_ += weight, turned_ += weight * size;
      for (const auto* passed : {&passed_, &passed_beyond_})
        for (const Id p : *passed) beside_[p] = 1;
    }
  }
  void finish(double total, ShapeChecks& out) const {
    for (std::size_t t = 0; t < mesh_.size(); ++t)
      if (beside_[t]) out.stepped += mesh_.area[t] / total;
    out.step = sum_ / total;
    if (sum_ > 0) out.turn = turned_ / sum_;
  }

 private:
  const Soup& mesh_;
  double farthest_ = 0, sum_ = 0, turned_ = 0;
  std::vector<char> beside_;
  std::vector<Id> passed_, passed_beyond_;
};

}  // namespace

ShapeChecks check_facets(const SurfaceMesh& mesh) {
  ShapeChecks out;
  const Topology topology(mesh);
  const Soup triangles(mesh, topology);
  double total = 0;
  for (const double area : triangles.area) total += area;
  if (!(total > 0)) return out;

  Steps steps(triangles);
  std::vector<char> bends(mesh.face_count(), 0);  // 1: a ridge, 2: a valley
  for (Id t = 0; t < triangles.size(); ++t) {
    if (t % 65536 == 0) core::check_interrupt();
    for (int side = 0; side < 3; ++side) {
      const auto s = static_cast<std::size_t>(side);
      const Id other = triangles.next[t][s];
      if (other == Soup::kNone || triangles.face[t] == triangles.face[other]) continue;
      const double size = std::abs(triangles.turn[t][s]);
      if (size > kRoughFrom && size < kRoughTo) bends[triangles.face[t]] |= triangles.turn[t][s] > 0 ? 1 : 2;
      if (t < other) steps.add(t, side);
    }
  }
  for (std::size_t t = 0; t < triangles.size(); ++t)
    if (bends[triangles.face[t]] == 3) out.rough += triangles.area[t] / total;
  steps.finish(total, out);
  return out;
}

}  // namespace streamtube::geometry
