#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "geometry/feature_edges.hpp"
#include "geometry/generators.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;

namespace {

double length(const geometry::Edges& edges) {
  double sum = 0;
  for (const auto& e : edges.edges) sum += norm(edges.points[e[1]] - edges.points[e[0]]);
  return sum;
}

}  // namespace

TEST_CASE("a box has its twelve edges, of whatever triangles it is made", "[feature_edges]") {
  const auto box = test::box_mesh({0, 0, 0}, {1, 2, 3}, 4);
  CHECK(length(geometry::feature_edges(box, 30)) == Catch::Approx(4 * (1 + 2 + 3)));
  CHECK(geometry::feature_edges(box, 100).edges.empty());
}

TEST_CASE("edges of a hole are sharp", "[feature_edges]") {
  auto box = test::box_mesh({0, 0, 0}, {1, 1, 1}, 1);
  const double whole = length(geometry::feature_edges(box, 100));
  box.offsets.pop_back();
  box.corners.resize(static_cast<std::size_t>(box.offsets.back()));
  box.patch.pop_back();
  CHECK(length(geometry::feature_edges(box, 100)) > whole + 2.9);
}

TEST_CASE("the angle decides whether a slant's edge counts", "[feature_edges]") {
  geometry::AhmedShape shape;
  shape.slant_angle = 10;
  const auto body = geometry::ahmed_body(shape);
  const double with = length(geometry::feature_edges(body.mesh, 9)),
               without = length(geometry::feature_edges(body.mesh, 11));
  CHECK(with - without > 0.9 * shape.width);
}
