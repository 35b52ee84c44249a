#include <catch2/catch_test_macros.hpp>

#include "core/rng.hpp"
#include "geometry/nearest_points.hpp"

using namespace streamtube;

TEST_CASE("the nearest of many points is the one that comparing all of them finds") {
  core::Rng rng(1, "nearest points");
  const auto draw = [&](std::size_t n) {
    std::vector<Vec3> out(n);
    for (Vec3& p : out)
      for (double& x : p) x = rng.uniform();
    return out;
  };
  const auto points = draw(500), places = draw(700);
  const auto nearest = geometry::nearest_points(points, places);
  REQUIRE(nearest.size() == places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::size_t best = 0;
    for (std::size_t k = 1; k < points.size(); ++k)
      if (norm(points[k] - places[i]) < norm(points[best] - places[i])) best = k;
    REQUIRE(nearest[i] == best);
  }
  CHECK(geometry::nearest_points({{1, 2, 3}}, {{0, 0, 0}}) == std::vector<std::size_t>{0});
}
