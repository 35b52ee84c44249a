#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <numeric>
#include <set>

#include "core/error.hpp"
#include "geometry/space_curve.hpp"

using namespace streamtube;
using namespace streamtube::geometry;

namespace {

std::vector<Vec3> random_points(std::size_t n) {
  core::Rng rng(3, "points");
  std::vector<Vec3> points(n);
  for (Vec3& p : points) p = {rng.uniform() - 5, rng.uniform(), rng.uniform() + 7};
  return points;
}

std::vector<std::int64_t> curve_of(const std::vector<Vec3>& points) {
  return space_curve(points.size(), [&](std::size_t i) { return points[i]; });
}

}  // namespace

TEST_CASE("the curve visits the octants of a cube in Morton's order, and every point once") {
  std::vector<Vec3> corners;
  for (const double z : {0.0, 1.0})
    for (const double y : {0.0, 1.0})
      for (const double x : {0.0, 1.0}) corners.push_back({x, y, z});
  CHECK(curve_of(corners) == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7});
  std::reverse(corners.begin(), corners.end());
  CHECK(curve_of(corners) == std::vector<std::int64_t>{7, 6, 5, 4, 3, 2, 1, 0});

  const std::vector<Vec3> points = random_points(4096);
  std::vector<std::int64_t> curve = curve_of(points);
  double step = 0;
  for (std::size_t i = 1; i < curve.size(); ++i)
    step += norm(points[static_cast<std::size_t>(curve[i])] - points[static_cast<std::size_t>(curve[i - 1])]);
  CHECK(step / 4095 < 0.15);  // 0.66 in random order, 1/16 the distance of neighbours on a grid
  std::sort(curve.begin(), curve.end());
  for (std::size_t i = 0; i < curve.size(); ++i) REQUIRE(curve[i] == static_cast<std::int64_t>(i));
}

TEST_CASE("points at one place, one point, none") {
  CHECK(curve_of({3, Vec3{2, 2, 2}}) == std::vector<std::int64_t>{0, 1, 2});
  CHECK(curve_of({Vec3{1, 2, 3}}) == std::vector<std::int64_t>{0});
  CHECK(curve_of({}).empty());
}

TEST_CASE("one draw of every part, in random order") {
  std::vector<std::int64_t> curve(103);
  std::iota(curve.begin(), curve.end(), 0);
  core::Rng rng(1, "draw");
  std::set<std::int64_t> first;
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::vector<std::int64_t> drawn = draw_along(rng, curve, 10);
    first.insert(drawn[0]);
    std::sort(drawn.begin(), drawn.end());
    for (std::size_t i = 0; i < 10; ++i) {
      REQUIRE(drawn[i] >= static_cast<std::int64_t>(i * 103 / 10));
      REQUIRE(drawn[i] < static_cast<std::int64_t>((i + 1) * 103 / 10));
    }
  }
  CHECK(first.size() > 60);
  CHECK(draw_along(rng, curve, 0).empty());
  std::vector<std::int64_t> all = draw_along(rng, curve, 103);
  std::sort(all.begin(), all.end());
  CHECK(all == curve);
  CHECK_THROWS_AS(draw_along(rng, curve, 104), core::Error);
}

TEST_CASE("a mean over spread draws scatters less than over independent ones") {
  const std::vector<Vec3> points = random_points(4096);
  const std::vector<std::int64_t> curve = curve_of(points);
  const auto value = [&](std::int64_t i) {
    const Vec3& p = points[static_cast<std::size_t>(i)];
    return std::sin(3 * p[0]) + p[1] * p[2];
  };
  double squares[2] = {0, 0}, true_mean = 0;
  for (const std::int64_t i : curve) true_mean += value(i) / 4096;
  core::Rng rng(2, "draw");
  for (int repeat = 0; repeat < 300; ++repeat) {
    double mean[2] = {0, 0};
    for (const std::int64_t i : draw_along(rng, curve, 64)) mean[0] += value(i) / 64;
    for (int k = 0; k < 64; ++k) mean[1] += value(static_cast<std::int64_t>(rng.below(4096))) / 64;
    for (int m = 0; m < 2; ++m) squares[m] += (mean[m] - true_mean) * (mean[m] - true_mean);
  }
  CHECK(squares[0] < 0.2 * squares[1]);
}

namespace {

std::vector<OnCurve> on_curve(const std::vector<Vec3>& points) {
  std::vector<OnCurve> items;
  for (std::size_t i = 0; i < points.size(); ++i)
    items.push_back({curve_code(points[i], {{-5, 0, 7}, 1}), 1, static_cast<std::int64_t>(i)});
  return items;
}

std::set<std::int64_t> indices(std::vector<OnCurve> items, std::size_t n, std::uint64_t seed) {
  std::set<std::int64_t> out;
  for (const std::size_t at : draw_by_cells(items, n, seed)) out.insert(items[at].index);
  return out;
}

}  // namespace

TEST_CASE("draws by cells: each as often as its weight says, none twice of equal ones") {
  std::vector<OnCurve> items = on_curve(random_points(1000));
  for (const std::size_t n : {std::size_t{1}, std::size_t{77}, std::size_t{1000}})
    CHECK(indices(items, n, 1).size() == n);
  CHECK(indices(items, 77, 1) == indices(items, 77, 1));
  CHECK(indices(items, 77, 1) != indices(items, 77, 2));
  CHECK(draw_by_cells(items, 0, 1).empty());

  for (auto& item : items) item.weight = item.index == 5 ? 0 : 1 + (item.index % 2) * 2;
  std::vector<double> count(1000, 0);
  for (std::uint64_t seed = 0; seed < 400; ++seed)
    for (const std::size_t at : draw_by_cells(items, 100, seed)) ++count[static_cast<std::size_t>(items[at].index)];
  CHECK(count[5] == 0);
  double odd = 0, worst = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    odd += (i % 2) * count[i];
    const double wanted = i == 5 ? 0 : 40000 * (1.0 + static_cast<double>(i % 2) * 2) / 1997;
    worst = std::max(worst, std::abs(count[i] - wanted) / std::sqrt(wanted + 1));
  }
  CHECK(std::abs(odd / 40000 - 1497.0 / 1997) < 0.01);
  CHECK(worst < 5);
}

TEST_CASE("draws by cells spread evenly, and a change in one place leaves the others") {
  const std::vector<Vec3> points = random_points(4096);
  const auto value = [&](std::int64_t i) {
    const Vec3& p = points[static_cast<std::size_t>(i)];
    return std::sin(3 * p[0]) + p[1] * p[2];
  };
  double squares[2] = {0, 0}, true_mean = 0;
  for (std::int64_t i = 0; i < 4096; ++i) true_mean += value(i) / 4096;
  core::Rng rng(2, "draw");
  for (std::uint64_t repeat = 0; repeat < 300; ++repeat) {
    double mean[2] = {0, 0};
    for (const std::int64_t i : indices(on_curve(points), 64, repeat)) mean[0] += value(i) / 64;
    for (int k = 0; k < 64; ++k) mean[1] += value(static_cast<std::int64_t>(rng.below(4096))) / 64;
    for (int m = 0; m < 2; ++m) squares[m] += (mean[m] - true_mean) * (mean[m] - true_mean);
  }
  CHECK(squares[0] < 0.2 * squares[1]);

  // Twice as many points in a corner of the cube, which is less than 1/200 of it.
  std::vector<OnCurve> more = on_curve(points);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Vec3 p = points[i] - Vec3{-5, 0, 7};
    if (std::max({p[0], p[1], p[2]}) < 0.17) more.push_back(more[i]);
  }
  REQUIRE(more.size() > 4100);
  const auto before = indices(on_curve(points), 1024, 3), after = indices(more, 1024, 3);
  std::size_t kept = 0;
  for (const auto i : before) kept += after.count(i);
  CHECK(kept > 940);
}
