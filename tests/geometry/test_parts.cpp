#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "geometry/parts.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using Catch::Approx;
using geometry::SurfaceMesh;

namespace {

SurfaceMesh named(SurfaceMesh mesh, const std::string& name) {
  mesh.patch_names = {name};
  return mesh;
}

}  // namespace

TEST_CASE("parts are joined, measured and taken out again") {
  SurfaceMesh all;
  geometry::append(all, named(test::box_mesh({0, 0, 0}, {2, 1, 1}), "x"), "body");
  SurfaceMesh pair;
  geometry::append(pair, test::box_mesh({5, 0, 0}, {6, 1, 1}), "left");
  geometry::append(pair, test::box_mesh({5, 3, 0}, {6, 4, 1}), "right");
  geometry::append(all, pair, "wheels");
  all.check("all");
  CHECK(all.patch_names == std::vector<std::string>{"body", "wheels/left", "wheels/right"});
  const auto sizes = geometry::patch_sizes(all);
  CHECK(sizes[0].faces == 12);
  CHECK(sizes[0].area == Approx(10));
  CHECK(sizes[2].area == Approx(6));

  const SurfaceMesh rest = geometry::without_patches(all, {0, 1, 0});
  rest.check("rest");
  CHECK(rest.patch_names == std::vector<std::string>{"body", "wheels/right"});
  CHECK(rest.face_count() == 24);
  CHECK(rest.points.size() == 36 + 36);  // each triangle has its own here
  CHECK(geometry::patch_sizes(rest)[1].area == Approx(6));
  CHECK(rest.bounds().high[1] == 4);
}

TEST_CASE("a flat piece wider than the body at the ground is suspected, and nothing else") {
  const SurfaceMesh body = named(test::box_mesh({0, -0.2, 0.05}, {1, 0.2, 0.35}, 3), "hull");
  CHECK(geometry::suspected_ground(body, 0).faces == 0);
  // Standing on the ground, and reaching into it.
  CHECK(geometry::suspected_ground(test::box_mesh({0, -0.2, 0}, {1, 0.2, 0.35}, 3), 0).faces == 0);
  CHECK(geometry::suspected_ground(test::box_mesh({0, -0.2, -0.1}, {1, 0.2, 0.35}, 3), 0).faces == 0);

  SurfaceMesh with = body;
  with.attributes.clear();
  geometry::append(with, test::box_mesh({-2, -1, -0.001}, {4, 1, 0}, 2), "plate");
  const auto found = geometry::suspected_ground(with, 0);
  CHECK(found.faces == 48);
  CHECK(found.patches == std::vector<std::string>{"plate"});
  CHECK(found.bounds.low[0] == -2);
  CHECK(geometry::suspected_ground(with, -1).faces == 0);  // the model's ground is elsewhere

  SurfaceMesh narrow = body;
  geometry::append(narrow, test::box_mesh({-2, -0.1, -0.001}, {4, 0.1, 0}, 2), "strip");
  CHECK(geometry::suspected_ground(narrow, 0).faces == 0);
  // A floor plate joined to the body is part of it.
  SurfaceMesh one = test::bent_box(2, true, [](Vec3 p) {
    return p[2] < 0 ? Vec3{3 * p[0], 2 * p[1], 0} : Vec3{p[0], p[1], 1 + p[2]};
  });
  CHECK(geometry::suspected_ground(one, 0).faces == 0);
}
