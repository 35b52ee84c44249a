#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <limits>
#include <numbers>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "geometry/surface_report.hpp"
#include "tests/geometry/shapes.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using namespace streamtube::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;

namespace {

std::string joined(const Preparation& p) {
  std::string all;
  for (const auto* list : {&p.warnings, &p.defects})
    for (const std::string& w : *list) all += w + "\n";
  return all;
}

std::string refusal(SurfaceMesh mesh) {
  try {
    prepare(mesh, report(mesh), "car.stl");
  } catch (const core::Error& e) {
    CHECK(e.kind() == core::ErrorKind::input);
    CHECK_FALSE(e.hint().empty());
    CHECK_THAT(e.message(), ContainsSubstring("car.stl"));
    return e.message();
  }
  return "";
}

// An even permutation of the faces is not needed: any order will do.
SurfaceMesh shuffled(const SurfaceMesh& mesh, std::uint64_t seed) {
  core::Rng rng(seed, "shuffle");
  std::vector<std::size_t> order(mesh.face_count());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  SurfaceMesh out;
  for (const std::size_t f : order) {
    std::vector<Vec3> polygon;
    for (std::size_t i = 0; i < mesh.corner_count(f); ++i) polygon.push_back(mesh.corner(f, i));
    add_face(out, polygon);
  }
  return out;
}

}  // namespace

TEST_CASE("a cube of quadrangles and one of triangles") {
  for (const bool triangles : {false, true}) {
    const SurfaceReport r = report(box_mesh({1, 2, 3}, {2, 4, 6}, 3, triangles), true);
    CHECK(r.faces == (triangles ? 108 : 54));
    CHECK(r.triangles == 108);
    CHECK(r.points == (triangles ? 324 : 216));
    CHECK(r.merged_points == 56);
    CHECK(r.components == 1);
    CHECK(r.patches == 1);
    CHECK(r.boundary_edges == 0);
    CHECK(r.non_manifold_edges == 0);
    CHECK(r.inconsistent_edges == 0);
    CHECK(r.inverted_components == 0);
    CHECK(r.degenerate_faces == 0);
    CHECK(r.duplicate_faces == 0);
    CHECK(r.self_intersections == 0);
    CHECK(r.watertight);
    CHECK(r.outward);
    CHECK_THAT(r.area, WithinRel(22, 1e-12));
    CHECK_THAT(r.volume, WithinRel(6, 1e-12));
    CHECK(r.bounds.low == Vec3{1, 2, 3});
    CHECK(r.bounds.high == Vec3{2, 4, 6});
    CHECK(r.likely_unit == "m");
  }
  CHECK_FALSE(report(unit_cube()).self_intersections);
}

TEST_CASE("a sphere's area and volume; Euler's formula through the counts") {
  const SurfaceReport r = report(sphere_mesh(20, 2));
  CHECK_THAT(r.area, WithinRel(16 * std::numbers::pi, 5e-3));
  CHECK_THAT(r.volume, WithinRel(32 * std::numbers::pi / 3, 7e-3));
  CHECK(r.watertight);
  CHECK(r.merged_points == r.faces / 2 + 2);
}

TEST_CASE("minus zero is zero when points are merged") {
  SurfaceMesh mesh = unit_cube();
  bool sign = false;
  for (Vec3& p : mesh.points) {
    for (double& x : p) {
      if (x == 0 && (sign = !sign)) x = -0.0;
    }
  }
  CHECK(report(mesh).watertight);
}

TEST_CASE("an inverted cube is turned, with a warning, and nothing else changes") {
  SurfaceMesh mesh = unit_cube(2);
  turn_all(mesh);
  mesh.attributes.push_back({"normal", Association::faces, 3, std::vector<float>(3 * mesh.face_count(), 1.5f)});
  const SurfaceReport before = report(mesh);
  CHECK(before.watertight);
  CHECK_FALSE(before.outward);
  CHECK(before.inverted_components == 1);
  CHECK_THAT(before.volume, WithinRel(-1, 1e-12));
  const Preparation p = prepare(mesh, before, "cube");
  CHECK(p.flipped);
  CHECK(p.turned_faces == 0);
  REQUIRE(p.warnings.size() == 1);
  CHECK_THAT(p.warnings[0], ContainsSubstring("inside out"));
  CHECK_THAT(report(mesh).volume, WithinRel(1, 1e-12));
  CHECK(report(mesh).outward);
  CHECK(mesh.attributes[0].values == std::vector<float>(3 * mesh.face_count(), 1.5f));
  CHECK(prepare(mesh, report(mesh), "cube").warnings.empty());
}

TEST_CASE("a good body passes untouched") {
  SurfaceMesh mesh = sphere_mesh(5);
  const auto corners = mesh.corners;
  const Preparation p = prepare(mesh, report(mesh, true), "ball");
  CHECK(p.warnings.empty());
  CHECK_FALSE(p.flipped);
  CHECK(mesh.corners == corners);
}

TEST_CASE("some faces turned over: re-oriented and counted") {
  const SurfaceMesh good = sphere_mesh(6);
  for (const int every : {2, 3, 10, 400}) {
    SurfaceMesh mesh = good;
    std::size_t turned = 0;
    for (std::size_t f = 0; f < mesh.face_count(); f += every, ++turned) turn_face(mesh, f);
    if (every == 2) turn_face(mesh, 0), --turned;  // not exactly half
    mesh = shuffled(mesh, 5);
    const SurfaceReport before = report(mesh);
    CHECK(before.inconsistent_edges > 0);
    CHECK_FALSE(before.watertight);
    const Preparation p = prepare(mesh, before, "ball");
    CHECK(p.turned_faces == turned);
    CHECK_FALSE(p.flipped);
    const SurfaceReport after = report(mesh);
    CHECK(after.watertight);
    CHECK(after.outward);
    CHECK_THAT(joined(p), ContainsSubstring("looked the opposite way"));
  }
  SurfaceMesh mesh = good;  // most faces inward: the few give way, then all are turned
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    if (f % 5) turn_face(mesh, f);
  }
  const Preparation p = prepare(mesh, report(mesh), "ball");
  CHECK(p.flipped);
  CHECK(report(mesh).watertight);
  CHECK(report(mesh).outward);
}

TEST_CASE("a cube with a hole") {
  SurfaceMesh mesh = without_face(unit_cube(4), 7);
  const SurfaceReport r = report(mesh);
  CHECK(r.boundary_edges == 3);
  CHECK_FALSE(r.watertight);
  CHECK(r.components == 1);
  const Preparation p = prepare(mesh, r, "cube");
  REQUIRE(p.defects.size() == 1);
  CHECK(p.warnings.empty());
  CHECK_THAT(p.defects[0], ContainsSubstring("open (3 edges"));
  CHECK_FALSE(p.flipped);

  SECTION("inside out as well") {
    turn_all(mesh);
    CHECK(prepare(mesh, report(mesh), "cube").flipped);
    CHECK(report(mesh).volume > 0);
  }
}

TEST_CASE("an open shell is left as it is, whichever way it looks") {
  // Half a sphere may be a bowl or a dome.
  for (const bool turned : {false, true}) {
    SurfaceMesh mesh;
    const SurfaceMesh ball = sphere_mesh(8);
    for (std::size_t f = 0; f < ball.face_count(); ++f) {
      if (ball.centroid(f)[2] < 0) continue;
      add_face(mesh, {ball.corner(f, 0), ball.corner(f, 1), ball.corner(f, 2)});
    }
    if (turned) turn_all(mesh);
    const auto corners = mesh.corners;
    const Preparation p = prepare(mesh, report(mesh), "bowl");
    CHECK(mesh.corners == corners);
    CHECK_FALSE(p.flipped);
    CHECK_THAT(joined(p), ContainsSubstring("open"));
  }
}

TEST_CASE("parts are turned each for itself, cavities stay") {
  SurfaceMesh body = box_mesh({0, 0, 0}, {4, 2, 2}, 2);
  SurfaceMesh wheel = sphere_mesh(4, 0.5, {1, 1, -1});
  turn_all(wheel);
  SurfaceMesh cavity = box_mesh({1, 0.5, 0.5}, {3, 1.5, 1.5});
  turn_all(cavity);
  SurfaceMesh mesh = body;
  append(mesh, wheel);
  append(mesh, cavity);
  const SurfaceReport before = report(mesh);
  CHECK(before.components == 3);
  CHECK(before.inverted_components == 2);
  CHECK(before.watertight);
  const Preparation p = prepare(mesh, before, "car");
  CHECK(p.flipped);
  CHECK_THAT(joined(p), ContainsSubstring("1 part was inside out"));
  CHECK_THAT(joined(p), ContainsSubstring("1 closed part lies inside another"));
  const SurfaceReport after = report(mesh);
  CHECK(after.inverted_components == 1);
  CHECK_THAT(after.volume, WithinRel(16 - 2 + 4.0 / 3 * std::numbers::pi * 0.125, 2e-2));
}

TEST_CASE("a wheel in its arch is inside the body's bounds but no cavity") {
  // An L from the side; the ball stands in the notch.
  SurfaceMesh mesh;
  const std::vector<Vec3> outline{{0, 0, 0}, {4, 0, 0}, {4, 0, 2}, {2, 0, 2}, {2, 0, 4}, {0, 0, 4}};
  const Vec3 depth{0, 2, 0};
  add_face(mesh, outline);
  std::vector<Vec3> back;
  for (auto p = outline.rbegin(); p != outline.rend(); ++p) back.push_back(*p + depth);
  add_face(mesh, back);
  for (std::size_t i = 0; i < outline.size(); ++i) {
    const Vec3 a = outline[i], b = outline[(i + 1) % outline.size()];
    add_face(mesh, {b, a, a + depth, b + depth});
  }
  REQUIRE(report(mesh).watertight);
  REQUIRE(report(mesh).outward);
  SurfaceMesh ball = sphere_mesh(4, 0.5, {3, 1, 3});
  turn_all(ball);
  append(mesh, ball);
  CHECK(prepare(mesh, report(mesh), "car").flipped);
  CHECK(report(mesh).inverted_components == 0);
}

TEST_CASE("duplicated and degenerate faces") {
  SurfaceMesh mesh = unit_cube();
  add_face(mesh, {mesh.corner(0, 1), mesh.corner(0, 2), mesh.corner(0, 0)});  // rotated
  add_face(mesh, {mesh.corner(5, 2), mesh.corner(5, 1), mesh.corner(5, 0)});  // the other way round
  add_face(mesh, {{0, 0, 0}, {0, 0, 0}, {1, 1, 1}});
  add_face(mesh, {{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}});
  add_face(mesh, {{3, 3, 3}, {4, 3, 3}, {6, 3, 3}});
  const SurfaceReport r = report(mesh, true);
  CHECK(r.duplicate_faces == 2);
  CHECK(r.degenerate_faces == 3);
  CHECK(r.non_manifold_edges > 0);
  CHECK(r.self_intersections == 0);
  const Preparation p = prepare(mesh, r, "cube");
  CHECK_THAT(joined(p), ContainsSubstring("given twice"));
  CHECK_THAT(joined(p), ContainsSubstring("no area"));
  CHECK_THAT(joined(p), ContainsSubstring("three or more faces"));
  CHECK(mesh.face_count() == 17);
}

TEST_CASE("a collapsed triangle does not open a closed surface") {
  SurfaceMesh mesh = unit_cube();
  add_face(mesh, {{0, 0, 0}, {1, 0, 0}, {1, 0, 0}});
  const SurfaceReport r = report(mesh);
  CHECK(r.watertight);
  CHECK(r.degenerate_faces == 1);
  CHECK(r.components == 1);
}

TEST_CASE("a fin on a cube is non-manifold where it stands") {
  SurfaceMesh mesh = unit_cube();
  add_face(mesh, {{0, 0, 1}, {0, 1, 1}, {0, 0.5, 2}});
  SurfaceReport r = report(mesh);
  CHECK(r.non_manifold_edges == 1);
  CHECK(r.boundary_edges == 2);
  CHECK(r.components == 1);
  CHECK_THAT(joined(prepare(mesh, r, "x")), ContainsSubstring("1 edge is shared by three or more faces"));
}

TEST_CASE("cubes that share an edge, a corner or nothing") {
  SurfaceMesh edge = unit_cube();
  append(edge, box_mesh({1, 1, 0}, {2, 2, 1}));
  CHECK(report(edge).components == 1);
  CHECK(report(edge).non_manifold_edges == 1);
  SurfaceMesh corner = unit_cube();
  append(corner, box_mesh({1, 1, 1}, {2, 2, 2}));
  CHECK(report(corner).components == 2);
  CHECK(report(corner).watertight);
  CHECK(report(corner, true).self_intersections);
}

TEST_CASE("a Moebius strip has no orientation") {
  SurfaceMesh mesh;
  const int n = 12;
  const auto point = [&](int i, int side) {
    const double u = 2 * std::numbers::pi * (i % n) / n;
    const double s = (i == n ? -side : side) * 0.3;  // half a turn on the way round
    return Vec3{(1 + s * std::cos(u / 2)) * std::cos(u), (1 + s * std::cos(u / 2)) * std::sin(u), s * std::sin(u / 2)};
  };
  for (int i = 0; i < n; ++i) add_face(mesh, {point(i, -1), point(i + 1, -1), point(i + 1, 1), point(i, 1)});
  const SurfaceReport r = report(mesh);
  CHECK(r.boundary_edges == 2 * n);
  CHECK(r.inconsistent_edges == 1);
  CHECK_THAT(joined(prepare(mesh, r, "strip")), ContainsSubstring("no orientation fits"));
}

TEST_CASE("self-intersections are found and touching neighbours are not") {
  SurfaceMesh crossing = unit_cube();
  append(crossing, box_mesh({0.5, 0.25, 0.25}, {1.5, 0.75, 0.75}));
  CHECK(report(crossing, true).self_intersections > 0);
  SurfaceMesh mesh = crossing;
  CHECK_THAT(joined(prepare(mesh, report(mesh, true), "x")), ContainsSubstring("cut each other"));

  SurfaceMesh pair;  // one triangle through another: one pair
  add_face(pair, {{0, 0, 0}, {2, 0, 0}, {0, 2, 0}});
  add_face(pair, {{0.5, 0.5, -1}, {0.5, 0.5, 1}, {3, 3, 0.1}});
  CHECK(report(pair, true).self_intersections == 1);

  SurfaceMesh folded;  // flat onto its neighbour
  add_face(folded, {{0, 0, 0}, {2, 0, 0}, {0, 2, 0}});
  add_face(folded, {{2, 0, 0}, {0, 0, 0}, {0.5, 1, 0}});
  CHECK(report(folded, true).self_intersections == 1);
  SurfaceMesh flat;  // beside it
  add_face(flat, {{0, 0, 0}, {2, 0, 0}, {0, 2, 0}});
  add_face(flat, {{2, 0, 0}, {0, 0, 0}, {0.5, -1, 0}});
  CHECK(report(flat, true).self_intersections == 0);

  SurfaceMesh corner;  // share a corner and cut through
  add_face(corner, {{0, 0, 0}, {2, 0, 0}, {0, 2, 0}});
  add_face(corner, {{0, 0, 0}, {1, 1, -1}, {0.4, 0.4, 1}});
  CHECK(report(corner, true).self_intersections == 1);
  SurfaceMesh fan;
  add_face(fan, {{0, 0, 0}, {2, 0, 0}, {0, 2, 0}});
  add_face(fan, {{0, 0, 0}, {-1, -1, -1}, {-1, -1, 1}});
  CHECK(report(fan, true).self_intersections == 0);

  SurfaceMesh dirty = unit_cube();  // CGAL must not trip over these
  add_face(dirty, {{0.2, 0.2, 0.2}, {0.2, 0.2, 0.2}, {0.2, 0.2, 0.2}});
  add_face(dirty, {{-1, 0.5, 0.5}, {0.5, 0.5, 0.5}, {2, 0.5, 0.5}});
  CHECK(report(dirty, true).self_intersections == 0);
}

TEST_CASE("hopeless surfaces are refused") {
  SurfaceMesh one;
  add_face(one, {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}});
  CHECK_THAT(refusal(one), ContainsSubstring("1 face"));
  CHECK_THAT(refusal(SurfaceMesh{}), ContainsSubstring("0 faces"));
  SurfaceMesh flat, spot;
  for (int i = 0; i < 6; ++i) {
    add_face(flat, {{0.0 + i, 0, 0}, {1.0 + i, 0, 0}, {2.0 + i, 0, 0}});
    add_face(spot, {{1, 2, 3}, {1, 2, 3}, {1, 2, 3}});
  }
  CHECK_THAT(refusal(flat), ContainsSubstring("no face has an area"));
  CHECK_FALSE(refusal(spot).empty());
  CHECK_THAT(refusal(sphere_mesh(3, 1e7)), ContainsSubstring("m large"));
  CHECK_THAT(refusal(sphere_mesh(3, 1e-8)), ContainsSubstring("m large"));
  CHECK(refusal(sphere_mesh(3, 1000)).empty());
}

TEST_CASE("the likely unit and when it is worth a warning") {
  const auto unit = [](double size) { return report(box_mesh({0, 0, 0}, {size, size / 3, size / 3})).likely_unit; };
  CHECK(unit(4.5) == "m");
  CHECK(unit(1.044) == "m");
  CHECK(unit(20) == "m");
  CHECK(unit(4500) == "mm");
  CHECK(unit(1044) == "mm");
  CHECK(unit(450) == "cm");
  CHECK(unit(177) == "in");

  SurfaceMesh mesh = box_mesh({0, 0, 0}, {4500, 1800, 1400});
  CHECK_THAT(joined(prepare(mesh, report(mesh), "x")), ContainsSubstring("mm") && ContainsSubstring("4500 m long"));
  mesh = box_mesh({0, 0, 0}, {4.5, 1.8, 1.4});
  CHECK(prepare(mesh, report(mesh), "x").warnings.empty());
  mesh.file_unit = 1e-3;  // a file in millimetres, read as such
  CHECK(report(mesh).likely_unit == "mm");
  CHECK(prepare(mesh, report(mesh), "x").warnings.empty());
  mesh = box_mesh({0, 0, 0}, {0.0045, 0.0018, 0.0014});  // a file in metres, read as millimetres
  mesh.file_unit = 1e-3;
  CHECK_THAT(joined(prepare(mesh, report(mesh), "x")), ContainsSubstring("only 0.0045 m"));
}

TEST_CASE("the text holds the facts, one a line") {
  const std::string good = to_text(report(unit_cube(2), true), "  > ");
  CHECK_THAT(good, ContainsSubstring("48 faces") && ContainsSubstring("26 of them different") &&
                       ContainsSubstring("watertight, normals outward") && ContainsSubstring("1 patch,") &&
                       ContainsSubstring("0 pairs"));
  std::size_t lines = 0;
  for (std::size_t at = 0; at < good.size(); at = good.find('\n', at) + 1, ++lines) {
    CHECK(good.substr(at, 4) == "  > ");
  }
  CHECK(lines >= 6);
  CHECK(good.back() == '\n');
  const std::string open = to_text(report(without_face(unit_cube(), 0)), "");
  CHECK_THAT(open, ContainsSubstring("not watertight: 3 open edges"));
  CHECK_FALSE(to_text(report(SurfaceMesh{}), "").empty());
}
