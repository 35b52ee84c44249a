#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <numbers>

#include "core/error.hpp"
#include "geometry/distance.hpp"
#include "geometry/exposure.hpp"
#include "geometry/parts.hpp"
#include "geometry/repair.hpp"
#include "geometry/shape_checks.hpp"
#include "geometry/solid_operations.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/damage.hpp"

using namespace streamtube;
using namespace streamtube::geometry;
using namespace streamtube::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

// As the program does it: measured, oriented, repaired.
Repair repaired(SurfaceMesh& mesh, const RepairOptions& options = {}) {
  const SurfaceReport r = report(mesh, true);
  const Preparation p = prepare(mesh, r, "body");
  return repair(mesh, r, p, options, "body");
}

std::string steps(const Repair& r) {
  std::string all;
  for (const RepairStep& step : r.steps) all += to_text(step) + "\n";
  return all;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const auto& line : lines) all += line + "\n";
  return all;
}

// A ball of 1 m on a plane z = 0: its volume and area are known to the facets'.
SurfaceMesh ball() { return sphere_mesh(24, 0.5, {0.5, 0, 0.5}); }

void check_closed(const SurfaceMesh& body) {
  const SurfaceReport r = report(body, true);
  CHECK(r.watertight);
  CHECK(r.outward);
  CHECK(r.inverted_components == 0);
}

}  // namespace

TEST_CASE("sheets without a thickness become plates that count") {
  const auto sheet = [](const Vec3& at, int n, double bend) {  // 0.4 m x 0.6 m
    SurfaceMesh mesh;
    mesh.offsets = {0}, mesh.patch_names = {"wing"};
    for (int i = 0; i <= n; ++i)
      for (int j = 0; j <= n; ++j) {
        const double x = 0.4 * i / n, y = 0.6 * j / n - 0.3;
        mesh.points.push_back(at + Vec3{x, y, bend * x * (0.4 - x)});
      }
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) {
        const std::int64_t a = i * (n + 1) + j, b = a + 1, c = a + n + 1, d = c + 1;
        for (const auto& t : {std::array{a, c, d}, std::array{a, d, b}})
          mesh.corners.insert(mesh.corners.end(), t.begin(), t.end()), mesh.offsets.push_back(mesh.offsets.back() + 3),
              mesh.patch.push_back(0);
      }
    return mesh;
  };
  for (const double bend : {0.0, 1.0})
    for (const bool twice : {false, true}) {
      CAPTURE(bend, twice);
      SurfaceMesh mesh = ball();
      mesh.patch_names = {"body"};
      geometry::append(mesh, sheet({0.9, 0, 1.1}, 6, bend), "wing");
      if (twice) geometry::append(mesh, sheet({0.9, 0, 1.1}, 6, bend), "wing");
      const Repair r = repaired(mesh);
      REQUIRE(r.body);
      CHECK_THAT(steps(r), ContainsSubstring("sheets made into plates: 1 (of 'wing"));
      CHECK_THAT(joined(r.warnings), ContainsSubstring("1 sheet without a thickness (of 'wing"));
      check_closed(*r.body);
      double wing = 0;  // both sides of it, and its rim
      for (std::size_t f = 0; f < r.body->face_count(); ++f)
        if (r.body->patch_names[static_cast<std::size_t>(r.body->patch[f])] == "wing")
          wing += norm(r.body->area_vector(f));
      const double one = bend == 0 ? 0.24 : 0.24 * 1.026, thickness = 1.3 / 500;
      CHECK_THAT(wing, WithinRel(2 * one + 2 * 1.0 * thickness, 0.02));
      CHECK_THAT(report(*r.body).volume - report(ball()).volume, WithinRel(one * thickness, 0.05));
    }
  SurfaceMesh plate = sheet({0, 0, 0}, 4, 0);
  const Repair alone = repaired(plate);
  REQUIRE(alone.body);
  check_closed(*alone.body);
  CHECK_THAT(report(*alone.body).area, WithinRel(0.48 + 2 * 0.6 / 500, 0.02));
}

TEST_CASE("a body in panels that do not share their borders is no set of sheets") {
  SurfaceMesh mesh = unit_cube(4);
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {  // each side is apart from the others by a thousandth
    const Vec3 a = mesh.area_vector(f), out = (1e-3 / norm(a)) * a;
    for (std::size_t i = 0; i < 3; ++i) {
      const Vec3 p = mesh.corner(f, i) + out;
      mesh.corners[static_cast<std::size_t>(mesh.offsets[f]) + i] = static_cast<std::int64_t>(mesh.points.size());
      mesh.points.push_back(p);
    }
  }
  const Repair r = repaired(mesh);
  REQUIRE(r.body);
  CHECK(steps(r).find("sheets") == std::string::npos);
  INFO(steps(r));
  CHECK_THAT(report(*r.body).volume, WithinRel(1.0, 0.02));
}

TEST_CASE("a body without a fault is left alone") {
  SurfaceMesh mesh = ball(), before = mesh;
  const Repair r = repaired(mesh);
  CHECK(r.rung == Rung::none);
  CHECK_FALSE(r.body);
  CHECK(r.steps.empty());
  CHECK(r.warnings.empty());
  CHECK(mesh.corners == before.corners);

  // Two bodies side by side, one in the bounds of the other: nothing is inside.
  SurfaceMesh ring = box_mesh({0, 0, 0}, {3, 3, 1});
  append(ring, box_mesh({0, 0, 2}, {3, 3, 3}));
  append(ring, box_mesh({1, 1, 1.2}, {1.5, 1.5, 1.8}));
  CHECK(repaired(ring).rung == Rung::none);
}

TEST_CASE("each damage of a ball is repaired by the lightest rung that can") {
  const SurfaceMesh clean = ball();
  const SurfaceReport whole = report(clean);
  struct Expected {
    const char* damage;
    Rung rung;
    const char* step;
    double volume;  // relative tolerance
  };
  // Holes of the ball are closed by chords, a hair inside.
  for (const Expected& e :
       {Expected{"holes", Rung::full, "holes filled: ", 2e-2}, Expected{"flipped", Rung::none, "", 1e-12},
        Expected{"duplicated", Rung::light, "duplicate faces dropped: 1728", 1e-12},
        Expected{"soup", Rung::light, "points merged: ", 1e-4},
        Expected{"inner_walls", Rung::full, "walls and parts inside left out: 4", 1e-12}}) {
    CAPTURE(e.damage);
    SurfaceMesh mesh = damaged(clean, e.damage);
    const Repair r = repaired(mesh);
    CAPTURE(steps(r), joined(r.warnings));
    CHECK(r.rung == e.rung);
    CHECK_THAT(steps(r), ContainsSubstring(e.step));
    const SurfaceMesh& body = r.body ? *r.body : mesh;
    check_closed(body);
    const SurfaceReport now = report(body, true);
    CHECK(now.components == 1);
    CHECK(now.self_intersections == 0);
    CHECK_THAT(now.volume, WithinRel(whole.volume, e.volume));
    CHECK_THAT(now.area, WithinRel(whole.area, e.volume));
  }
}

TEST_CASE("what is left of the surface keeps its triangles, their order and first corners") {
  const SurfaceMesh clean = ball();
  SurfaceMesh mesh = damaged(clean, "duplicated");
  for (std::size_t f = 0; f < mesh.face_count(); f += 7) {  // and turned ones among them
    const auto first = mesh.corners.begin() + mesh.offsets[f];
    std::swap(first[1], first[2]);
  }
  const Repair r = repaired(mesh);
  REQUIRE(r.body);
  REQUIRE(r.body->face_count() == clean.face_count());
  for (std::size_t f = 0; f < clean.face_count(); ++f)
    for (std::size_t i = 0; i < 3; ++i) REQUIRE(r.body->corner(f, i) == clean.corner(f, i));
  // One of each pair is marked.
  CHECK(r.hidden_faces == mesh.face_count() - clean.face_count());
  for (std::size_t f = 0; f < mesh.face_count(); ++f) REQUIRE(r.hidden[f] == (f >= clean.face_count()));
}

TEST_CASE("inner walls and parts are marked, the skin is not") {
  const SurfaceMesh clean = ball();
  SurfaceMesh mesh = damaged(clean, "inner_walls");
  const Repair r = repaired(mesh);
  REQUIRE(r.hidden.size() == mesh.face_count());
  // The rim of a wall lies on the skin, its middle does not.
  std::size_t marked = 0;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) {
    if (f < clean.face_count()) REQUIRE_FALSE(r.hidden[f]);
    marked += f >= clean.face_count() && r.hidden[f];
  }
  CHECK(marked == mesh.face_count() - clean.face_count());
}

TEST_CASE("patches go along, those of filled holes from their neighbours") {
  SurfaceMesh mesh = unit_cube(4);
  mesh.patch_names = {"low", "high"};
  for (std::size_t f = 0; f < mesh.face_count(); ++f) mesh.patch[f] = mesh.centroid(f)[2] > 0.5;
  SurfaceMesh open = without_face(mesh, 5);
  open.patch_names = mesh.patch_names;
  for (std::size_t f = 0; f < open.face_count(); ++f) open.patch[f] = open.centroid(f)[2] > 0.5;
  const Repair r = repaired(open);
  REQUIRE(r.body);
  check_closed(*r.body);
  REQUIRE(r.body->patch_names == mesh.patch_names);
  double area[2] = {0, 0};
  for (std::size_t f = 0; f < r.body->face_count(); ++f) {
    area[r.body->patch[f]] += norm(r.body->area_vector(f));
    CHECK(r.body->patch[f] == (r.body->centroid(f)[2] > 0.5));
  }
  CHECK_THAT(area[0] + area[1], WithinRel(6.0, 1e-12));
  REQUIRE(r.openings.of_part.size() == 1);
  const std::string part = mesh.centroid(5)[2] > 0.5 ? "high" : "low";
  CHECK(r.openings.of_part[0].first == part);
  CHECK_THAT(r.openings.of_part[0].second, WithinRel(0.5 / 16, 1e-12));
  CHECK_THAT(steps(r), ContainsSubstring("0.03125 m2: '" + part + "' 0.03125 m2"));
}

TEST_CASE("what a wrap bridges is counted, and in which part") {
  // A box without a lid, and a fin that only a wrap can deal with.
  SurfaceMesh mesh;
  const SurfaceMesh whole = unit_cube(6);
  for (std::size_t f = 0; f < whole.face_count(); ++f)
    if (whole.centroid(f)[2] < 1 - 1e-9) add_face(mesh, {whole.corner(f, 0), whole.corner(f, 1), whole.corner(f, 2)});
  const std::size_t box = mesh.face_count();
  add_face(mesh, {{0.5, 1, 0.5}, {0.5, 1.4, 0.5}, {0.5, 1, 0.8}});
  mesh.patch_names = {"box", "fin"};
  for (std::size_t f = box; f < mesh.face_count(); ++f) mesh.patch[f] = 1;
  const Repair r = repaired(mesh, {.automatic = false, .rung = Rung::wrap});
  CAPTURE(steps(r), joined(r.warnings));
  REQUIRE(r.rung == Rung::wrap);
  // The lid, and at most the sharp corner between fin and box.
  CHECK((r.openings.count == 1 || r.openings.count == 2));
  REQUIRE(!r.openings.of_part.empty());
  CHECK(r.openings.of_part[0].first == "box");
  CHECK_THAT(r.openings.of_part[0].second, WithinRel(1.0, 0.04));
  CHECK(r.openings.area - r.openings.of_part[0].second < 1e-3);
  REQUIRE(r.body);
  CHECK(r.body->patch_names == mesh.patch_names);
  double area[2] = {0, 0};
  for (std::size_t f = 0; f < r.body->face_count(); ++f) area[r.body->patch[f]] += norm(r.body->area_vector(f));
  CHECK_THAT(area[1], WithinRel(2 * 0.5 * 0.4 * 0.3, 0.2));
}

TEST_CASE("a wrap bridges gaps narrower than it is told, and goes into wider ones") {
  SurfaceMesh mesh = unit_cube(4);
  const SurfaceMesh cube = unit_cube(4);
  for (std::size_t f = 0; f < cube.face_count(); ++f)
    add_face(mesh, {cube.corner(f, 0) + Vec3{1.2, 0, 0}, cube.corner(f, 1) + Vec3{1.2, 0, 0},
                    cube.corner(f, 2) + Vec3{1.2, 0, 0}});
  const auto volume = [&](double gap) {
    RepairOptions options;
    options.automatic = false, options.wrap_gap = gap;
    const Repair r = repaired(mesh, options);
    CHECK_THAT(joined(r.warnings), ContainsSubstring(core::str("bridges gaps below ", gap, " m")));
    return report(*r.body, false).volume;
  };
  CHECK_THAT(volume(0.15), WithinRel(2.0, 0.02));
  CHECK_THAT(volume(0.25), WithinRel(2.2, 0.02));
}

TEST_CASE("a flat side that is missing is closed, and said") {
  SurfaceMesh mesh;
  for (std::size_t f = 0; f < 12; ++f)
    if (std::abs(unit_cube().centroid(f)[2]) > 1e-9)
      add_face(mesh, {unit_cube().corner(f, 0), unit_cube().corner(f, 1), unit_cube().corner(f, 2)});
  REQUIRE(mesh.face_count() == 10);
  const Repair r = repaired(mesh);
  CHECK(r.rung == Rung::full);
  REQUIRE(r.body);
  CHECK_THAT(report(*r.body).volume, WithinRel(1.0, 1e-12));
  CHECK_THAT(joined(r.warnings), ContainsSubstring("hole 1.41421 m wide was closed"));
  CHECK(r.openings.count == 1);
  CHECK_THAT(r.openings.area, WithinRel(1.0, 1e-12));
}

TEST_CASE("sides that are cut up differently are stitched") {
  // One side of the cube in 4 x 4, the others in 1 x 1 pieces: points of the one lie on the edges of the others.
  SurfaceMesh mesh;
  const auto take = [&](const SurfaceMesh& from, bool top) {
    for (std::size_t f = 0; f < from.face_count(); ++f)
      if ((from.centroid(f)[2] > 1 - 1e-9) == top)
        add_face(mesh, {from.corner(f, 0), from.corner(f, 1), from.corner(f, 2)});
  };
  take(unit_cube(4), true);
  take(unit_cube(1), false);
  REQUIRE_FALSE(report(mesh).watertight);
  const Repair r = repaired(mesh);
  CAPTURE(steps(r));
  CHECK(r.rung == Rung::light);
  REQUIRE(r.body);
  check_closed(*r.body);
  CHECK_THAT(report(*r.body).area, WithinRel(6.0, 1e-12));
  CHECK_THAT(report(*r.body).volume, WithinRel(1.0, 1e-12));
}

TEST_CASE("boxes that reach into each other are united") {
  SurfaceMesh mesh = box_mesh({0, 0, 0}, {1, 1, 1}, 4);
  append(mesh, box_mesh({0.5, 0.25, 0.2}, {1.5, 0.75, 0.7}, 3));
  const Repair r = repaired(mesh);
  CAPTURE(steps(r), joined(r.warnings));
  CHECK(r.rung == Rung::full);
  REQUIRE(r.body);
  check_closed(*r.body);
  CHECK_THAT(report(*r.body).volume, WithinRel(1.125, 1e-9));
  CHECK_THAT(report(*r.body).area, WithinRel(6 + 4 * 0.5 * 0.5, 1e-9));
  CHECK(r.hidden_faces > 0);
}

TEST_CASE("boxes that share a wall become one") {
  SurfaceMesh mesh = box_mesh({0, 0, 0}, {1, 1, 1}, 3);
  append(mesh, box_mesh({1, 0, 0}, {2, 1, 1}, 3));
  const Repair r = repaired(mesh);
  CAPTURE(steps(r), joined(r.warnings));
  REQUIRE(r.body);
  check_closed(*r.body);
  CHECK_THAT(report(*r.body).area, WithinRel(10.0, 1e-9));
  CHECK(r.hidden_faces > 0);
}

TEST_CASE("a fin that stands in a body becomes a plate, united with it") {
  SurfaceMesh mesh = sphere_mesh(8, 0.5, {0.5, 0, 0.5});
  add_face(mesh, {{0.5, 0, 0.9}, {0.7, 0, 1.3}, {0.3, 0, 1.3}});
  const Repair r = repaired(mesh);
  CAPTURE(steps(r), joined(r.warnings));
  CHECK(r.rung == Rung::full);
  REQUIRE(r.body);
  check_closed(*r.body);
  CHECK(report(*r.body, true).self_intersections == 0);
  CHECK(r.hidden_faces == 0);
}

TEST_CASE("the wrap of a fin without thickness stays within its tolerance") {
  SurfaceMesh mesh = sphere_mesh(8, 0.5, {0.5, 0, 0.5});
  add_face(mesh, {{0.5, 0, 0.9}, {0.7, 0, 1.3}, {0.3, 0, 1.3}});
  const Repair r = repaired(mesh, {.automatic = false, .rung = Rung::wrap});
  CAPTURE(steps(r), joined(r.warnings));
  CHECK(r.rung == Rung::wrap);
  REQUIRE(r.body);
  check_closed(*r.body);
  CHECK(report(*r.body, true).self_intersections == 0);
  CHECK_THAT(joined(r.warnings), ContainsSubstring("wrapped in a closed skin"));
  std::vector<Vec3> corners;
  for (std::size_t f = 0; f < mesh.face_count(); ++f) corners.push_back(mesh.corner(f, 1));
  double farthest = 0;
  for (const auto& n : nearest_faces(*r.body, corners)) farthest = std::max(farthest, n.distance);
  CHECK(farthest < 1.3 / 120);  // in the corner between ball and fin a gap is bridged
  const auto inside = DistanceField(*r.body).inside(corners);
  CHECK(std::count(inside.begin(), inside.end(), char{0}) == 0);
  CHECK(r.hidden_faces == 0);
}

TEST_CASE("the rung that is asked for is the one that is taken") {
  const SurfaceMesh clean = ball();
  SurfaceMesh holes = damaged(clean, "holes"), again = holes;
  const Repair none = repaired(holes, {.automatic = false, .rung = Rung::none});
  CHECK_FALSE(none.body);
  CHECK_THAT(joined(none.warnings), ContainsSubstring("the surface is open"));
  const Repair light = repaired(again, {.automatic = false, .rung = Rung::light});
  CHECK(light.rung == Rung::light);
  REQUIRE(light.body);
  CHECK(light.body->face_count() == holes.face_count());
  CHECK_THAT(joined(light.warnings), ContainsSubstring("(light)") && ContainsSubstring("not closed"));
}

TEST_CASE("hidden is what no ray gets out of") {
  SurfaceMesh mesh = ball();
  const std::size_t skin = mesh.face_count();
  append(mesh, box_mesh({0.4, -0.1, 0.4}, {0.6, 0.1, 0.6}));
  append(mesh, box_mesh({1.4, -0.1, 0.4}, {1.6, 0.1, 0.6}));
  std::vector<std::uint32_t> piece(mesh.face_count());
  for (std::size_t f = 0; f < piece.size(); ++f) piece[f] = f < skin ? 0 : f < skin + 12 ? 1 : 2;
  CHECK(hidden_pieces(mesh, piece, 3, {1, 1, 1}) == std::vector<char>{0, 1, 0});
  CHECK(hidden_pieces(mesh, piece, 3, {1, 0, 1}) == std::vector<char>{0, 0, 0});
  const std::vector<char> inside = faces_inside(mesh, ball(), 1e-3);
  for (std::size_t f = 0; f < inside.size(); ++f) REQUIRE(inside[f] == (piece[f] == 1));
}

TEST_CASE("roughness and steps are told from shapes that are meant") {
  std::vector<std::string> warnings;
  const auto refused = [&](const SurfaceMesh& mesh, const RepairOptions& options = {}) {
    warnings.clear();
    try {
      check_shape(mesh, options, "body", warnings);
    } catch (const core::Error& error) {
      CHECK(error.kind() == core::ErrorKind::input);
      return error.message() + " " + error.hint();
    }
    return std::string();
  };
  for (const auto& mesh : {unit_cube(), unit_cube(10), ball(), sphere_mesh(40), box_mesh({0, 0, 0}, {9, 1, 1})}) {
    CHECK(refused(mesh) == "");
    CHECK(warnings.empty());
    CHECK(check_facets(mesh).rough < 0.2);  // quadrangles of a ball, cut into two
  }
  // A box with its edges along x cut off at 45 degrees, a prism with a slant of 25.
  const SurfaceMesh slanted = prism({{0, 0, 0}, {1, 0, 0}, {1, 0, 0.2}, {0.8, 0, 0.3}, {0, 0, 0.3}}, 0.4);
  CHECK(refused(slanted) == "");
  CHECK(warnings.empty());

  const SurfaceMesh noisy = damaged(ball(), "noisy");
  CHECK(refused(noisy) == "");  // half a millimetre on edges of 3 cm
  SurfaceMesh worse = damaged(sphere_mesh(60, 0.5, {0.5, 0, 0.5}), "noisy");
  CHECK_THAT(refused(worse), ContainsSubstring("up and down") && ContainsSubstring("--accept noisy"));
  CHECK(refused(worse, {.accept_noisy = true}) == "");
  CHECK(warnings.size() == 1);

  // A round of 90 degrees in steps.
  const auto rounded = [&](int n) {
    std::vector<Vec3> section{{0.5, 0, 0}, {0.5, 0, 0.3}};
    for (int i = 0; i <= n; ++i) {
      const double a = std::numbers::pi / 2 * (1 + static_cast<double>(i) / n);
      section.push_back({0.1 + 0.1 * std::cos(a), 0, 0.2 + 0.1 * std::sin(a)});
    }
    section.push_back({0, 0, 0});
    return prism(section, 0.4);
  };
  CHECK(refused(rounded(4)) == "");
  CHECK_THAT(joined(warnings), ContainsSubstring("too coarse"));
  CHECK_THAT(refused(rounded(2)), ContainsSubstring("too coarse") && ContainsSubstring("--accept coarse"));
  CHECK(refused(rounded(2), {.accept_coarse = true}) == "");
  CHECK(warnings.size() == 1);
  CHECK(refused(rounded(16)) == "");
  CHECK(warnings.empty());

  // Round all over, as far off the curve for its length as rounded(2), but tessellated as usual.
  const auto tube = [&](int n) {
    std::vector<Vec3> section;
    for (int i = 0; i < n; ++i) {
      const double a = 2 * std::numbers::pi * i / n;
      section.push_back({0.2 - 0.2 * std::cos(a), 0, 0.2 + 0.2 * std::sin(a)});
    }
    return prism(section, 0.4);
  };
  CHECK_THAT(check_facets(tube(24)).turn, WithinRel(2 * std::numbers::pi / 24, 1e-6));
  CHECK(refused(tube(24)) == "");
  CHECK_THAT(joined(warnings), ContainsSubstring("too coarse"));
  CHECK_THAT(refused(tube(12)), ContainsSubstring("too coarse"));
}

TEST_CASE("loops, unions and wraps on their own") {
  CHECK(triangulate_loop({{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}}).size() == 2);
  SurfaceMesh open = without_face(unit_cube(), 0);
  const std::vector<std::uint32_t> one(open.face_count(), 0);
  CHECK_FALSE(unite(open, one, 1));  // not closed
  CHECK(open.face_count() == 11);
  const SurfaceMesh skin = alpha_wrap(unit_cube(), 0.05, 0.002);
  check_closed(skin);
  CHECK_THAT(report(skin).volume, WithinAbs(1.0, 6 * 0.003));
}
