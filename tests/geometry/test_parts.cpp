#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>

#include "geometry/parts.hpp"
#include "geometry/surface_report.hpp"
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

TEST_CASE("a flat piece wider than the body at one end of it is a ground, and nothing else") {
  const auto around = [](const SurfaceMesh& mesh) { return geometry::find_surroundings(mesh); };
  const SurfaceMesh body = named(test::box_mesh({0, -0.2, 0.05}, {1, 0.2, 0.35}, 3), "hull");
  CHECK(around(body).of.empty());
  SurfaceMesh two = body;  // wheels of their own
  geometry::append(two, test::box_mesh({0.1, -0.15, 0}, {0.2, 0.15, 0.05}, 2), "wheels");
  CHECK(around(two).of.empty());

  SurfaceMesh with = two;
  geometry::append(with, test::box_mesh({-2, -1, -0.001}, {4, 1, 0}, 2), "plate");
  const auto found = around(with);
  CHECK(found.faces == 48);
  CHECK_FALSE(found.tunnel);
  CHECK(found.patches == std::vector<std::string>{"plate"});
  CHECK(found.bounds.low[0] == -2);
  const SurfaceMesh rest = geometry::without_faces(with, found.of);
  rest.check("rest");
  CHECK(rest.face_count() == two.face_count());
  CHECK(rest.bounds().low[2] == 0);
  // Whichever way is up, and in whatever unit.
  for (const double factor : {1e-3, 1.0, -1e3}) {
    SurfaceMesh turned = with;
    for (Vec3& p : turned.points) p = {factor * p[2], factor * p[0], factor * p[1]};
    CHECK(around(turned).faces == 48);
  }

  SurfaceMesh narrow = body;
  geometry::append(narrow, test::box_mesh({-2, -0.1, -0.001}, {4, 0.1, 0}, 2), "strip");
  CHECK(around(narrow).of.empty());
  SurfaceMesh wing = body;  // a flat piece halfway up
  geometry::append(wing, test::box_mesh({-2, -1, 0.2}, {4, 1, 0.21}, 2), "wing");
  CHECK(around(wing).of.empty());
  // A floor plate joined to the body is part of it.
  const SurfaceMesh one = test::bent_box(
      2, true, [](Vec3 p) { return p[2] < 0 ? Vec3{3 * p[0], 2 * p[1], 0} : Vec3{p[0], p[1], 1 + p[2]}; });
  CHECK(around(one).of.empty());
}

TEST_CASE("a box in which all the rest stands is a wind tunnel") {
  SurfaceMesh mesh = named(test::box_mesh({0, -0.2, 0}, {1, 0.2, 0.35}, 3), "car");
  geometry::append(mesh, test::box_mesh({-3, -1.5, 0}, {6, 1.5, 2}, 3), "tunnel");
  const auto found = geometry::find_surroundings(mesh);
  CHECK(found.tunnel);
  CHECK(found.patches == std::vector<std::string>{"tunnel"});
  CHECK(found.faces == 108);
  // A body with a part inside is none: not as flat, or not as roomy.
  SurfaceMesh round = named(test::sphere_mesh(8, 2), "ball");
  geometry::append(round, test::box_mesh({-0.2, -0.2, -0.2}, {0.2, 0.2, 0.2}), "core");
  CHECK(geometry::find_surroundings(round).of.empty());
  SurfaceMesh full = named(test::box_mesh({0, 0, 0}, {1, 1, 1}), "box");
  geometry::append(full, test::box_mesh({0.1, 0.1, 0.1}, {0.8, 0.9, 0.9}), "load");
  CHECK(geometry::find_surroundings(full).of.empty());
  SurfaceMesh hollow = named(test::box_mesh({0, 0, 0}, {1, 1, 1}), "box");
  geometry::append(hollow, test::box_mesh({0.4, 0.4, 0.4}, {0.6, 0.6, 0.6}), "core");
  CHECK(geometry::find_surroundings(hollow).tunnel);  // a body that stands free
  SurfaceMesh inward = named(test::box_mesh({0, 0, 0}, {1, 1, 1}), "box");
  SurfaceMesh core = test::box_mesh({0.4, 0.4, 0.4}, {0.6, 0.6, 0.6});
  for (std::size_t f = 0; f < core.face_count(); ++f)
    std::reverse(core.corners.begin() + core.offsets[f], core.corners.begin() + core.offsets[f + 1]);
  geometry::append(inward, core, "hollow");
  CHECK(geometry::find_surroundings(inward).of.empty());
}

TEST_CASE("openings at a height are closed, each in its own patch, around what stands in them") {
  // Two boxes without bottoms, one of them a tube: a box with a box-shaped hole through it.
  const auto open = [](const Vec3& low, const Vec3& high, bool inside_out) {
    const SurfaceMesh whole = test::box_mesh(low, high, 3);
    SurfaceMesh mesh;
    for (std::size_t f = 0; f < whole.face_count(); ++f)
      if (whole.centroid(f)[2] > low[2] + 1e-9)
        test::add_face(mesh,
                       {whole.corner(f, 0), whole.corner(f, inside_out ? 2 : 1), whole.corner(f, inside_out ? 1 : 2)});
    return mesh;
  };
  SurfaceMesh mesh = named(open({0, 0, 1}, {1, 1, 2}, false), "x");
  SurfaceMesh tube;
  geometry::append(tube, open({3, 0, 1}, {5, 2, 2}, false), "outer");
  geometry::append(tube, open({3.5, 0.5, 1}, {4.5, 1.5, 1.5}, true), "outer");
  SurfaceMesh all;
  geometry::append(all, mesh, "one");
  geometry::append(all, tube, "two");
  const std::size_t before = all.face_count();
  CHECK(geometry::close_at(all, 0.9).count == 0);
  const auto lids = geometry::close_at(all, 1);
  CHECK(lids.count == 2);
  CHECK(lids.area == Approx(1 + 4 - 1));
  CHECK(all.face_count() == before + lids.faces);
  all.check("closed");
  const auto r = geometry::report(all);
  CHECK(r.watertight);
  CHECK(r.volume == Approx(1 + 4 - 0.5));
  double area[3] = {0, 0, 0};
  for (std::size_t f = before; f < all.face_count(); ++f) {
    CHECK(all.area_vector(f)[2] < 0);
    area[all.patch[f]] += norm(all.area_vector(f));
  }
  CHECK(area[0] == Approx(1));
  CHECK(area[1] + area[2] == Approx(3));
  const auto low = geometry::faces_at_ground(all, 1 + 1e-6);
  CHECK(static_cast<std::size_t>(std::count(low.begin(), low.end(), char{1})) == lids.faces);
  CHECK(geometry::faces_at_ground(all, 0.99).empty());
}

TEST_CASE("half a body, open or with a lid, on either side, becomes the whole one") {
  for (const bool lid : {false, true})
    for (const double to : {-1.0, 1.0}) {
      CAPTURE(lid, to);
      // Half of a box of 3 x 2 x 1 m whose middle is y = 0.25.
      const double y[2] = {std::min(0.25, 0.25 + to), std::max(0.25, 0.25 + to)};
      const SurfaceMesh box = test::box_mesh({0, y[0], 0}, {3, y[1], 1}, 4);
      SurfaceMesh half;
      for (std::size_t f = 0; f < box.face_count(); ++f)
        if (lid || std::abs(box.centroid(f)[1] - 0.25) > 1e-9)
          test::add_face(half, {box.corner(f, 0), box.corner(f, 1), box.corner(f, 2)});
      half.patch_names = {"box"};
      const double plane = geometry::complete_half(half, 1);
      const geometry::SurfaceReport now = geometry::report(half, true);
      CHECK(now.self_intersections == 0);
      CHECK(plane == Approx(0.25));  // of two ends as flat the one nearer to 0
      CHECK(now.watertight);
      CHECK(now.outward);
      CHECK(now.volume == Approx(6.0).epsilon(1e-6));
      CHECK(now.area == Approx(2 * (6.0 + 3.0 + 2.0)).epsilon(1e-6));
    }
}
