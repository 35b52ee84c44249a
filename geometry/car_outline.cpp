#include "geometry/car_outline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"

namespace streamtube::geometry {
namespace {

constexpr double kStep = 0.0004;  // between points of an outline, m

Vec2 operator+(const Vec2& a, const Vec2& b) { return {a[0] + b[0], a[1] + b[1]}; }
Vec2 operator-(const Vec2& a, const Vec2& b) { return {a[0] - b[0], a[1] - b[1]}; }
Vec2 operator*(double s, const Vec2& a) { return {s * a[0], s * a[1]}; }
double dot(const Vec2& a, const Vec2& b) { return a[0] * b[0] + a[1] * b[1]; }
double norm(const Vec2& a) { return std::hypot(a[0], a[1]); }
double angle_between(const Vec2& a, const Vec2& b) {
  return std::acos(std::clamp(dot(a, b) / norm(a) / norm(b), -1.0, 1.0));
}

// A closed polyline by its length.
class Ring {
 public:
  explicit Ring(std::vector<Vec2> points) : points_(std::move(points)), arc_{0} {
    points_.push_back(points_.front());
    for (std::size_t i = 1; i < points_.size(); ++i) arc_.push_back(arc_.back() + norm(points_[i] - points_[i - 1]));
  }
  double arc(std::size_t point) const { return arc_[point]; }
  Vec2 at(double s) const {
    const double total = arc_.back();
    s -= std::floor(s / total) * total;
    const auto after = std::upper_bound(arc_.begin() + 1, arc_.end() - 1, s);
    const auto i = static_cast<std::size_t>(after - arc_.begin());
    const double length = arc_[i] - arc_[i - 1];
    return points_[i - 1] + (length > 0 ? (s - arc_[i - 1]) / length : 0.0) * (points_[i] - points_[i - 1]);
  }
  Vec2 tangent(double s) const {
    constexpr double h = kStep / 2;
    const Vec2 way = at(s + h) - at(s - h);
    return 1 / norm(way) * way;
  }

 private:
  std::vector<Vec2> points_;
  std::vector<double> arc_;
};

// How far from each corner its fillet begins and ends.
std::vector<double> fillet_cuts(const std::vector<OutlineCorner>& corners, const std::vector<double>& length) {
  const std::size_t n = corners.size();
  constexpr double kMostTurn = 2.8;
  std::vector<double> cut(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Vec2 before = corners[i].at - corners[(i + n - 1) % n].at, after = corners[(i + 1) % n].at - corners[i].at;
    cut[i] = corners[i].radius * std::tan(std::min(angle_between(before, after), kMostTurn) / 2);
  }
  // Two fillets that share an edge too short for them both become smaller.
  for (int round = 0; round < 20; ++round)
    for (std::size_t i = 0; i < n; ++i) {
      double &a = cut[i], &b = cut[(i + 1) % n];
      if (a + b <= 0.96 * length[i]) continue;
      const double factor = 0.96 * length[i] / (a + b);
      a *= factor, b *= factor;
    }
  return cut;
}

// Nearest of many points in the plane: a tree of halves, split along x and z in turn.
class NearestPoint {
 public:
  explicit NearestPoint(const std::vector<Vec2>& points) {
    for (std::size_t i = 0; i < points.size(); ++i) entries_.push_back({points[i], i});
    build(0, entries_.size(), 0);
  }
  // squared: of the distance to the point `index`, which is likely near; then those of the nearest.
  void find(const Vec2& p, std::size_t& index, double& squared) const {
    search(p, 0, entries_.size(), 0, index, squared);
  }

 private:
  static constexpr std::size_t kLeaf = 8;
  struct Entry {
    Vec2 point;
    std::size_t index;
  };
  void build(std::size_t begin, std::size_t end, std::size_t axis) {
    if (end - begin <= kLeaf) return;
    const std::size_t middle = begin + (end - begin) / 2;
    const auto at = [&](std::size_t i) { return entries_.begin() + static_cast<std::ptrdiff_t>(i); };
    std::nth_element(at(begin), at(middle), at(end), [&](const Entry& a, const Entry& b) {
      return a.point[axis] != b.point[axis] ? a.point[axis] < b.point[axis] : a.index < b.index;
    });
    build(begin, middle, 1 - axis);
    build(middle + 1, end, 1 - axis);
  }
  void search(const Vec2& p, std::size_t begin, std::size_t end, std::size_t axis, std::size_t& index,
              double& squared) const {
    if (end - begin <= kLeaf) {
      for (std::size_t i = begin; i < end; ++i) compare(p, i, index, squared);
      return;
    }
    const std::size_t middle = begin + (end - begin) / 2;
    const double ahead = entries_[middle].point[axis] - p[axis];
    compare(p, middle, index, squared);
    const auto half = [&](bool first) {
      first ? search(p, begin, middle, 1 - axis, index, squared) : search(p, middle + 1, end, 1 - axis, index, squared);
    };
    half(ahead > 0);
    if (ahead * ahead < squared) half(ahead <= 0);
  }

  void compare(const Vec2& p, std::size_t i, std::size_t& index, double& squared) const {
    const Vec2 away = entries_[i].point - p;
    if (const double d = dot(away, away); d < squared) squared = d, index = entries_[i].index;
  }

  std::vector<Entry> entries_;
};

// x of all crossings of the height z, sorted: between the first and the second, the third and the fourth, ... is
// inside.
std::vector<double> crossings(const std::vector<Vec2>& line, double z) {
  std::vector<double> out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const Vec2 &a = line[i], &b = line[(i + 1) % line.size()];
    if ((a[1] > z) != (b[1] > z)) out.push_back(a[0] + (z - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Values at equidistant points, `stride` apart in memory, to the coefficients of the cubic B-splines that take them
// (Unser, Aldroubi & Eden 1993, IEEE Trans. Signal Process. 41). Beyond the ends the values are mirrored.
void to_spline(double* values, std::size_t n, std::size_t stride) {
  const double pole = std::sqrt(3.0) - 2;
  constexpr std::size_t kReach = 40;  // pole^40 is 1e-23
  const auto at = [&](std::size_t i) -> double& { return values[i * stride]; };
  double first = 0;
  for (std::size_t i = std::min(n, kReach); i-- > 0;) first = at(i) + pole * first;
  at(0) = 6 * first;
  for (std::size_t i = 1; i < n; ++i) at(i) = 6 * at(i) + pole * at(i - 1);
  at(n - 1) = pole / (pole * pole - 1) * (at(n - 1) + pole * at(n - 2));
  for (std::size_t i = n - 1; i-- > 0;) at(i) = pole * (at(i + 1) - at(i));
}

constexpr double kTableStep = 0.0015, kMargin = 0.06;  // m

}  // namespace

Outline filleted_outline(const std::vector<OutlineCorner>& corners) {
  const std::size_t n = corners.size();
  std::vector<Vec2> edges;
  std::vector<std::size_t> start;
  for (std::size_t i = 0; i < n; ++i) {
    start.push_back(edges.size());
    const Vec2 a = corners[i].at, way = corners[(i + 1) % n].at - a;
    const double length = norm(way);
    const int count = std::max(4, static_cast<int>(std::ceil(length / kStep)));
    const Vec2 left = 1 / std::max(length, 1e-9) * Vec2{-way[1], way[0]};
    for (int k = 0; k < count; ++k) {
      const double s = static_cast<double>(k) / count;
      edges.push_back(a + s * way + 4 * s * (1 - s) * corners[i].bow * left);
    }
  }
  start.push_back(edges.size());
  const Ring ring(std::move(edges));
  std::vector<double> length;
  for (std::size_t i = 0; i < n; ++i) length.push_back(ring.arc(start[i + 1]) - ring.arc(start[i]));
  const std::vector<double> cut = fillet_cuts(corners, length);

  Outline out;
  for (std::size_t i = 0; i < n; ++i) {
    constexpr double kLeast = 3e-4;  // shorter fillets are corners
    const double corner = ring.arc(start[i]);
    double from = corner;
    if (cut[i] > kLeast) {
      from = corner + cut[i];
      const Vec2 a = ring.at(corner - cut[i]), b = ring.at(from);
      const Vec2 leave = ring.tangent(corner - cut[i]), arrive = ring.tangent(from);
      const double cosine = std::cos(angle_between(leave, arrive) / 4);
      const double handle = norm(b - a) / 3 / (cosine * cosine);
      const Vec2 c = a + handle * leave, d = b - handle * arrive;
      const int count = std::max(6, static_cast<int>(std::ceil(2 * cut[i] / kStep)));
      out.corners.push_back(out.line.size() + static_cast<std::size_t>(count / 2));
      for (int k = 0; k <= count; ++k) {
        const double t = static_cast<double>(k) / count, u = 1 - t;
        out.line.push_back(u * u * u * a + 3 * t * u * u * c + 3 * t * t * u * d + t * t * t * b);
      }
    } else {
      out.corners.push_back(out.line.size());
      out.line.push_back(corners[i].at);
    }
    const double end = corner + length[i] - cut[(i + 1) % n];
    const int count = static_cast<int>((end - from) / kStep);
    for (int k = 1; k < count; ++k) out.line.push_back(ring.at(from + (end - from) * k / count));
  }
  return out;
}

OutlineDistance::OutlineDistance(const std::vector<Vec2>& line) {
  core::expect(line.size() > 2, "OutlineDistance: a line of fewer than three points");
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  low_ = {kInfinity, kInfinity};
  Vec2 most{-kInfinity, -kInfinity};
  for (const Vec2& p : line)
    for (std::size_t k = 0; k < 2; ++k) low_[k] = std::min(low_[k], p[k]), most[k] = std::max(most[k], p[k]);
  for (std::size_t k = 0; k < 2; ++k) {
    low_[k] -= kMargin;
    size_[k] = static_cast<std::size_t>(std::ceil((most[k] + kMargin - low_[k]) / kTableStep)) + 1;
    high_[k] = low_[k] + kTableStep * static_cast<double>(size_[k] - 1);
  }
  spline_.resize(size_[0] * size_[1]);
  const NearestPoint nearest(line);
  std::size_t near = 0;
  for (std::size_t j = 0; j < size_[1]; ++j) {
    const double z = low_[1] + kTableStep * static_cast<double>(j);
    const std::vector<double> borders = crossings(line, z);
    std::size_t crossed = 0;
    for (std::size_t i = 0; i < size_[0]; ++i) {
      const Vec2 p{low_[0] + kTableStep * static_cast<double>(i), z};
      double squared = dot(line[near] - p, line[near] - p);
      nearest.find(p, near, squared);
      double distance = kInfinity;
      for (const std::size_t other : {near + 1, near + line.size() - 1}) {
        const Vec2 way = line[other % line.size()] - line[near], from = p - line[near];
        const double t = std::clamp(dot(from, way) / std::max(dot(way, way), 1e-18), 0.0, 1.0);
        distance = std::min(distance, norm(from - t * way));
      }
      while (crossed < borders.size() && borders[crossed] <= p[0]) ++crossed;
      spline_[i * size_[1] + j] = crossed % 2 == 1 ? -distance : distance;
    }
  }
  for (std::size_t i = 0; i < size_[0]; ++i) to_spline(&spline_[i * size_[1]], size_[1], 1);
  for (std::size_t j = 0; j < size_[1]; ++j) to_spline(&spline_[j], size_[0], size_[1]);
}

double OutlineDistance::at(const Vec2& p) const {
  Vec2 inside;
  std::array<std::size_t, 2> first;
  double weight[2][4];
  for (std::size_t k = 0; k < 2; ++k) {
    inside[k] = std::clamp(p[k], low_[k], high_[k]);
    const double s = (inside[k] - low_[k]) / kTableStep;
    // One cell away from the border, where the line is far and the table linear, nothing is missing on either side.
    first[k] = std::min(static_cast<std::size_t>(std::max(s, 1.0)), size_[k] - 3);
    const double t = s - static_cast<double>(first[k]), u = 1 - t;
    weight[k][0] = u * u * u / 6;
    weight[k][1] = (4 - 6 * t * t + 3 * t * t * t) / 6;
    weight[k][2] = (4 - 6 * u * u + 3 * u * u * u) / 6;
    weight[k][3] = t * t * t / 6;
  }
  double sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double* row = &spline_[(first[0] - 1 + i) * size_[1] + first[1] - 1];
    double part = 0;
    for (std::size_t j = 0; j < 4; ++j) part += weight[1][j] * row[j];
    sum += weight[0][i] * part;
  }
  return sum + norm(p - inside);
}

}  // namespace streamtube::geometry
