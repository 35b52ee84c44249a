#include "geometry/descriptors.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.hpp"

namespace streamtube::geometry {

const char* const kDescriptorNames[kDescriptors] = {
    "width",          "height",        "surface_area",   "volume",         "frontal_area",   "side_area",
    "plan_area",      "centroid_x",    "centroid_y",     "centroid_z",     "gyration_x",     "gyration_y",
    "gyration_z",     "facing_front",  "facing_rear",    "facing_down",    "facing_up",      "facing_sideways",
    "slope_xz",       "section_at_4%", "section_at_10%", "section_at_20%", "section_at_50%", "section_at_80%",
    "section_at_90%", "section_at_96%"};

namespace {

constexpr double kStations[] = {0.04, 0.10, 0.20, 0.50, 0.80, 0.90, 0.96};
constexpr double kBlur = 0.02;  // of a station along x, so that it does not matter where elements end
constexpr double kShare = 0.1;
constexpr double kLeastDeviation = 2e-3;

using Matrix = std::vector<double>;  // [kDescriptors][kDescriptors]

double fourth(double x) { return x * x * x * x; }

// Lower triangle L of L L^T = a.
Matrix cholesky(const Matrix& a) {
  constexpr std::size_t n = kDescriptors;
  Matrix l(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i == j ? std::sqrt(sum) : sum / l[j * n + j];
    }
  return l;
}

// Statistics of a table, without row `left_out` where there is one.
class Metric {
 public:
  explicit Metric(std::span<const Descriptors> rows, std::size_t left_out = ~std::size_t{0}) {
    constexpr std::size_t n = kDescriptors;
    double count = 0;
    const auto each = [&](const auto& take) {
      for (std::size_t r = 0; r < rows.size(); ++r)
        if (r != left_out) take(rows[r]);
    };
    each([&](const Descriptors& row) {
      ++count;
      for (std::size_t d = 0; d < n; ++d) mean_[d] += row[d];
    });
    for (double& x : mean_) x /= count;
    each([&](const Descriptors& row) {
      for (std::size_t d = 0; d < n; ++d) deviation_[d] += (row[d] - mean_[d]) * (row[d] - mean_[d]);
    });
    for (double& x : deviation_) x = std::max(std::sqrt(x / (count - 1)), kLeastDeviation);
    Matrix covariance(n * n, 0.0);
    each([&](const Descriptors& row) {
      const Descriptors z = standardised(row);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= i; ++j) covariance[i * n + j] += (1 - kShare) * z[i] * z[j] / (count - 1);
    });
    for (std::size_t i = 0; i < n; ++i) covariance[i * n + i] += kShare;
    factor_ = cholesky(covariance);
  }
  Descriptors standardised(const Descriptors& row) const {
    Descriptors z;
    for (std::size_t d = 0; d < kDescriptors; ++d) z[d] = (row[d] - mean_[d]) / deviation_[d];
    return z;
  }
  // Coordinates in which the distance is the Euclidean one.
  Descriptors whitened(const Descriptors& row) const {
    Descriptors w = standardised(row);
    for (std::size_t i = 0; i < kDescriptors; ++i) {
      for (std::size_t k = 0; k < i; ++k) w[i] -= factor_[i * kDescriptors + k] * w[k];
      w[i] /= factor_[i * kDescriptors + i];
    }
    return w;
  }
  double distance(const Descriptors& row) const {
    const Descriptors w = whitened(row);
    return std::sqrt(std::inner_product(w.begin(), w.end(), w.begin(), 0.0) / kDescriptors);
  }

 private:
  Descriptors mean_{}, deviation_{};
  Matrix factor_;
};

}  // namespace

Descriptors describe_shape(std::span<const Vec3> positions, std::span<const Vec3> areas) {
  core::expect(positions.size() == areas.size() && !positions.empty(), "describe_shape: no elements, or not of each");
  Box box;
  for (const Vec3& p : positions) box.add(p);
  const Vec3 size = box.size(), middle = 0.5 * (box.low + box.high);
  const double length = size[0], section = size[1] * size[2];
  double total = 0, volume = 0, slope = 0;
  Vec3 shadow{}, first{}, second{}, front{}, back{};  // front, back: area facing -, + of each axis
  std::array<double, std::size(kStations)> cut{};
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const Vec3 p = positions[i] - middle, &a = areas[i];
    const double area = norm(a);
    if (!(area > 0)) continue;
    total += area;
    volume += dot(p, a) / 3;
    slope += a[0] * a[2] / area;
    for (int k = 0; k < 3; ++k) {
      shadow[k] += 0.5 * std::abs(a[k]);
      first[k] += area * p[k];
      second[k] += area * p[k] * p[k];
      (a[k] < 0 ? front : back)[k] += area * fourth(a[k] / area);
    }
    if (!(length > 0)) continue;
    // By Gauss' theorem the section at x is minus the sum of a_x before it.
    for (std::size_t s = 0; s < std::size(kStations); ++s)
      cut[s] -= a[0] * std::clamp(0.5 + (kStations[s] - 0.5 - p[0] / length) / kBlur, 0.0, 1.0);
  }
  Descriptors d{};
  if (!(total > 0)) return d;
  Vec3 gyration{};
  for (int k = 0; k < 3; ++k) {
    first[k] /= total;
    gyration[k] = std::sqrt(std::max(0.0, second[k] / total - first[k] * first[k]));
  }
  const auto over = [](double x, double unit) { return unit > 0 ? x / unit : 0.0; };
  const double l2 = length * length;
  std::size_t at = 0;
  for (const double x :
       {over(size[1], length), over(size[2], length), over(total, l2), over(volume, l2 * length), over(shadow[0], l2),
        over(shadow[1], l2), over(shadow[2], l2), over(first[0] + 0.5 * length, length), over(first[1], length),
        over(first[2] + 0.5 * size[2], length), over(gyration[0], length), over(gyration[1], length),
        over(gyration[2], length), front[0] / total, back[0] / total, front[2] / total, back[2] / total,
        (front[1] + back[1]) / total, slope / total})
    d[at++] = x;
  for (const double x : cut) d[at++] = over(x, section);
  return d;
}

ShapeDistance shape_distance(const ShapeTable& table, const Descriptors& body) {
  const std::size_t n = table.rows.size();
  core::expect(n >= kLeastShapes && table.cases.size() == n, "shape_distance: too few bodies to compare with");
  const Metric metric(table.rows);
  ShapeDistance out;
  out.distance = metric.distance(body);
  std::vector<double> others;
  for (std::size_t i = 0; i < n; ++i) others.push_back(Metric(table.rows, i).distance(table.rows[i]));
  std::sort(others.begin(), others.end());
  out.percentile = 100.0 *
                   static_cast<double>(std::lower_bound(others.begin(), others.end(), out.distance) - others.begin()) /
                   static_cast<double>(n);
  const double rank = 0.99 * static_cast<double>(n - 1);
  const auto below = static_cast<std::size_t>(rank);
  out.limit =
      others[below] + (rank - static_cast<double>(below)) * (others[std::min(below + 1, n - 1)] - others[below]);

  const Descriptors here = metric.whitened(body);
  double nearest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Descriptors there = metric.whitened(table.rows[i]);
    double squared = 0;
    for (std::size_t d = 0; d < kDescriptors; ++d) squared += (here[d] - there[d]) * (here[d] - there[d]);
    if (i == 0 || squared < nearest) nearest = squared, out.nearest = table.cases[i];
  }

  const Descriptors z = metric.standardised(body);
  for (std::size_t d = 0; d < kDescriptors; ++d) {
    ShapeDistance::Outstanding one{d, body[d], table.rows[0][d], table.rows[0][d], z[d]};
    for (const Descriptors& row : table.rows) one.min = std::min(one.min, row[d]), one.max = std::max(one.max, row[d]);
    out.outstanding.push_back(one);
  }
  std::stable_sort(out.outstanding.begin(), out.outstanding.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.deviations) > std::abs(b.deviations); });
  return out;
}

std::vector<double> shape_distances(const ShapeTable& table, std::span<const Descriptors> bodies) {
  core::expect(table.rows.size() >= kLeastShapes, "shape_distances: too few bodies to compare with");
  const Metric metric(table.rows);
  std::vector<double> out;
  for (const Descriptors& body : bodies) out.push_back(metric.distance(body));
  return out;
}

}  // namespace streamtube::geometry
