#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <vector>

#include "core/rng.hpp"
#include "physics/metrics.hpp"

using namespace streamtube::physics;
using Catch::Matchers::WithinAbs;

TEST_CASE("errors of a field") {
  FieldError error(2);
  const float p[2][2] = {{1, 2}, {3, 0}}, t[2][2] = {{1, 0}, {0, 4}};
  error.add(p[0], t[0], 1);
  error.add(p[1], t[1], 3);
  CHECK_THAT(error.relative_l2(), WithinAbs(std::sqrt(29.0 / 17), 1e-12));  // 4 + 9 + 16 over 1 + 16
  CHECK_THAT(error.relative_l2(0), WithinAbs(3, 1e-12));
  CHECK_THAT(error.relative_l2(1), WithinAbs(std::sqrt(20.0 / 16), 1e-12));
  CHECK_THAT(error.weighted_relative_l2(), WithinAbs(std::sqrt((4 + 3 * 25.0) / (1 + 3 * 16.0)), 1e-12));
  CHECK_THAT(error.mean_absolute(), WithinAbs(9.0 / 4, 1e-12));
  CHECK_THAT(error.mean_squared(), WithinAbs(29.0 / 4, 1e-12));
}

TEST_CASE("errors of a coefficient") {
  const CoefficientError e = compare({1.5, 2, 2, 5}, {1, 2, 3, 4});
  CHECK_THAT(e.r2, WithinAbs(1 - 2.25 / 5, 1e-12));
  CHECK_THAT(e.mean_absolute, WithinAbs(2.5 / 4, 1e-12));
  CHECK_THAT(e.bias, WithinAbs(0.5 / 4, 1e-12));
  CHECK(e.largest == 1);
  // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3.
  CHECK_THAT(e.spearman, WithinAbs(4.5 / std::sqrt(4.5 * 5), 1e-12));
  CHECK(std::isnan(compare({1}, {2}).r2));
}

TEST_CASE("intervals by bootstrap: of a bias as wide as its standard error says, the same for the same seed") {
  streamtube::core::Rng rng(5, "errors");
  std::vector<double> truth, prediction;
  constexpr int n = 400;
  double mean = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    const double error = 0.1 + rng.normal();
    truth.push_back(3 * rng.normal()), prediction.push_back(truth.back() + error);
    mean += error / n, squares += error * error / n;
  }
  const double standard_error = std::sqrt((squares - mean * mean) / n);
  const auto i = bootstrap(prediction, truth, 1);
  CHECK_THAT(i.bias.low, WithinAbs(mean - 1.645 * standard_error, 0.1 * standard_error));
  CHECK_THAT(i.bias.high, WithinAbs(mean + 1.645 * standard_error, 0.1 * standard_error));
  const auto whole = compare(prediction, truth);
  CHECK((i.r2.low < whole.r2 && whole.r2 < i.r2.high));
  CHECK((i.mean_absolute.low < whole.mean_absolute && whole.mean_absolute < i.mean_absolute.high));
  CHECK((i.spearman.low < whole.spearman && whole.spearman < i.spearman.high));
  CHECK(bootstrap(prediction, truth, 1).r2.low == i.r2.low);
  CHECK(bootstrap(prediction, truth, 2).r2.low != i.r2.low);
  // One case: no spread to explain, an error all the same.
  const auto one = bootstrap({2}, {1}, 0);
  CHECK((std::isnan(one.r2.low) && one.bias.low == 1 && one.bias.high == 1));
}
