#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "geometry/parts.hpp"
#include "geometry/surface_report.hpp"
#include "solver/openfoam/mirror.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/message_of.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

namespace {

// A box 1 m long about y = `middle` with a small box, 0.1 m wide, on its right side.
geometry::SurfaceMesh with_mirror(double middle) {
  auto out = test::box_mesh({0, middle - 0.2, 0.05}, {1, middle + 0.2, 0.35}, 8);
  geometry::append(out, test::box_mesh({0.3, middle + 0.2, 0.2}, {0.4, middle + 0.3, 0.25}, 2), "mirror");
  return out;
}

}  // namespace

TEST_CASE("how far a body is from its mirror image", "[mirror]") {
  const auto box = solver::mirror_gap(test::box_mesh({0, -0.2, 0.05}, {1, 0.2, 0.35}, 8));
  CHECK(box.symmetric());
  CHECK(box.largest < 1e-12);
  CHECK(box.share == 0);
  const auto lopsided = solver::mirror_gap(with_mirror(0));
  CHECK_FALSE(lopsided.symmetric());
  CHECK(lopsided.largest == Approx(0.1));
  CHECK(lopsided.where[1] == Approx(0.3));
  CHECK(lopsided.tolerance == Approx(1e-3));
  CHECK(lopsided.share > 0);
  CHECK(lopsided.share < 0.1);
}

TEST_CASE("the middle of a body is that of most of it", "[mirror]") {
  CHECK(solver::middle_plane(with_mirror(0), -0.05) == 0);
  CHECK(solver::middle_plane(with_mirror(-0.05), -0.05) == Approx(-0.05));  // where the file has it
  CHECK(solver::middle_plane(with_mirror(-0.07), 0.3) == Approx(-0.07));    // where nobody said it
}

TEST_CASE("a body of one half and its image is closed and symmetric", "[mirror]") {
  const auto body = with_mirror(0);
  // left, y < 0, has no mirror; right has one.
  const auto left = solver::of_one_half(body, solver::Side::left, "body");
  const auto right = solver::of_one_half(body, solver::Side::right, "body");
  for (const auto* half : {&left, &right}) {
    half->check("half");
    CHECK(solver::mirror_gap(*half).largest < 1e-12);
    const auto report = geometry::report(*half);
    CHECK(report.watertight);
    CHECK(report.outward);
    CHECK(report.degenerate_faces == 0);
  }
  CHECK(geometry::report(left).volume == Approx(0.12));
  CHECK(geometry::report(right).volume == Approx(0.12 + 2 * 0.1 * 0.1 * 0.05));
  CHECK(left.bounds().high[1] == Approx(0.2));
  CHECK(right.bounds().low[1] == Approx(-0.3));
  CHECK(right.patch_names == body.patch_names);
  // Of faces that cross the middle.
  const auto cut = solver::of_one_half(test::box_mesh({0, -0.2, 0.05}, {1, 0.3, 0.35}, 3), solver::Side::right, "body");
  CHECK(geometry::report(cut).watertight);
  CHECK(geometry::report(cut).volume == Approx(0.6 * 0.3));
  CHECK_THAT(test::message_of([] {
               solver::of_one_half(test::box_mesh({0, 0.1, 0}, {1, 0.2, 1}), solver::Side::left, "'a.stl'");
             }),
             ContainsSubstring("'a.stl': nothing of the body is on its left side, y < 0"));
}
