#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/rng.hpp"
#include "solver/gaussian_process.hpp"

using namespace streamtube;
using Catch::Approx;
using solver::GaussianProcess;
using solver::Kernel;

namespace {

// Values of a smooth function of the first of three features, with noise.
struct Cases {
  std::vector<double> features, values;
  explicit Cases(int count, double noise = 0.05) {
    core::Rng rng(3, "cases");
    for (int i = 0; i < count; ++i) {
      for (int f = 0; f < 3; ++f) features.push_back(10 * rng.uniform());
      values.push_back(0.3 + 0.1 * std::sin(features[features.size() - 3]) + noise * 0.1 * rng.normal());
    }
  }
  std::span<const double> row(std::size_t i) const { return {features.data() + 3 * i, 3}; }
};

// Every column minus its mean over its deviation.
std::vector<double> standardised(std::vector<double> x, std::size_t columns) {
  const double rows = static_cast<double>(x.size() / columns);
  for (std::size_t c = 0; c < columns; ++c) {
    double mean = 0, squares = 0;
    for (std::size_t i = c; i < x.size(); i += columns) mean += x[i] / rows;
    for (std::size_t i = c; i < x.size(); i += columns) squares += (x[i] - mean) * (x[i] - mean) / rows;
    for (std::size_t i = c; i < x.size(); i += columns) x[i] = (x[i] - mean) / std::sqrt(squares);
  }
  return x;
}

// Of the linear equations [n][n + 1], by elimination.
std::vector<double> solved(std::vector<std::vector<double>> a) {
  const std::size_t n = a.size();
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t i = 0; i < n; ++i) {
      if (i == p) continue;
      const double factor = a[i][p] / a[p][p];
      for (std::size_t j = p; j <= n; ++j) a[i][j] -= factor * a[p][j];
    }
  std::vector<double> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(a[i][n] / a[i][i]);
  return out;
}

}  // namespace

TEST_CASE("two cases: the answer by hand") {
  // Standardised: features -1, 1, values -1, 1; covariance [[1 + s, c], [c, 1 + s]].
  const double noise = 0.3, length = 1.7, c = std::exp(-0.5 * 4 / (length * length)), s = noise * noise;
  const GaussianProcess gp({2, 6}, {10, 14}, {1, noise, {length}});
  const auto k = [&](double x) { return std::exp(-0.5 * x * x / (length * length)); };
  for (const double at : {2.0, 3.0, 4.0, 7.5}) {
    const double x = (at - 4) / 2, alpha = 1 / (1 + s - c);  // inverse times (-1, 1) is alpha (-1, 1)
    CHECK(gp.mean(std::vector{at}) == Approx(12 + 2 * alpha * (k(x - 1) - k(x + 1))));
    const double a = k(x + 1), b = k(x - 1), det = (1 + s) * (1 + s) - c * c;
    const double explained = ((1 + s) * (a * a + b * b) - 2 * c * a * b) / det;
    CHECK(gp.variance(std::vector{at}) == Approx(4 * (1 + s - explained)));
  }
  const double det = (1 + s) * (1 + s) - c * c;
  CHECK(gp.log_likelihood() == Approx(-std::log(2 * std::numbers::pi) - 0.5 * std::log(det) - 1 / (1 + s - c)));
}

TEST_CASE("leave one out in closed form is what the other cases say alone") {
  constexpr std::size_t n = 12;
  const Cases all(n);
  const Kernel kernel{1.2, 0.2, {0.8, 2, 3}};
  const auto got = GaussianProcess(all.features, all.values, kernel).leave_one_out();
  const auto x = standardised(all.features, 3), y = standardised(all.values, 1);
  const auto k = [&](std::size_t a, std::size_t b) {
    double sum = 0;
    for (std::size_t f = 0; f < 3; ++f) sum += std::pow((x[3 * a + f] - x[3 * b + f]) / kernel.lengths[f], 2);
    return 1.44 * std::exp(-0.5 * sum) + (a == b ? 0.04 : 0);
  };
  for (std::size_t left = 0; left < n; ++left) {
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < n; ++i)
      if (i != left) others.push_back(i);
    std::vector<std::vector<double>> rows;
    for (const std::size_t i : others) {
      rows.emplace_back();
      for (const std::size_t j : others) rows.back().push_back(k(i, j));
      rows.back().push_back(y[i]);
    }
    const auto weights = solved(rows);
    double mean = 0;
    for (std::size_t i = 0; i < others.size(); ++i) mean += k(left, others[i]) * weights[i];
    const double unit = (all.values[1] - all.values[0]) / (y[1] - y[0]);
    CHECK(got[left] == Approx(all.values[0] + unit * (mean - y[0])));
  }
}

TEST_CASE(
    "the kernel is fitted: features that matter get short lengths, noise its size, and the likelihood is highest") {
  const Cases all(80);
  const GaussianProcess gp(all.features, all.values);
  const Kernel& k = gp.kernel();
  REQUIRE(k.lengths.size() == 3);
  CHECK(k.lengths[0] < 1);
  CHECK(k.lengths[1] > 2 * k.lengths[0]);
  CHECK(k.lengths[2] > 2 * k.lengths[0]);
  CHECK((k.noise > 0.03 && k.noise < 0.15));  // 0.05 of 0.7 deviations
  for (Kernel other : {Kernel{2 * k.amplitude, k.noise, k.lengths}, Kernel{k.amplitude, 2 * k.noise, k.lengths},
                       Kernel{k.amplitude, 0.5 * k.noise, k.lengths}})
    CHECK(GaussianProcess(all.features, all.values, other).log_likelihood() < gp.log_likelihood());
  double error = 0;
  for (int i = 0; i < 20; ++i) {
    const double at[3] = {0.5 + 0.45 * i, 5, 5};
    error = std::max(error, std::abs(gp.mean(at) - 0.3 - 0.1 * std::sin(at[0])));
  }
  CHECK(error < 0.03);
}

TEST_CASE("features that never change, equal cases and equal values are no trouble") {
  const GaussianProcess same({1, 5, 1, 5, 2, 5}, {3, 3, 3});
  CHECK(same.mean(std::vector{1.5, 5.0}) == Approx(3));
  CHECK(same.kernel().lengths.size() == 1);
  const GaussianProcess twice({1, 1, 2, 2}, {3, 3, 4, 4}, {1, 0, {1}});
  CHECK(twice.mean(std::vector{2.0}) == Approx(4).epsilon(1e-4));
  const GaussianProcess constant({7, 7, 7}, {1, 2, 3});
  CHECK(constant.mean(std::vector{7.0}) == Approx(2));
}
