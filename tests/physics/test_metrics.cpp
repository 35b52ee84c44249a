#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>

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
