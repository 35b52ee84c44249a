// Damaged bodies from the outside: what is repaired, said, recorded, marked, and what the forces are of.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "core/json.hpp"
#include "mesh_io/mesh_io.hpp"
#include "tests/apps/program.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/damage.hpp"

using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using json = core::Json;
using test::run_program;
using test::TempDir;

namespace {

geometry::SurfaceMesh body() { return test::box_mesh({0, -0.19, 0.05}, {1.03, 0.19, 0.33}, 36); }

struct Result {
  std::string err;
  json forces, run;
  geometry::SurfaceMesh surface;
};

Result predict(const TempDir& dir, const geometry::SurfaceMesh& mesh, std::vector<std::string> options = {}) {
  mesh_io::write_stl(dir.file("body.stl"), mesh);
  std::vector<std::string> words = {"predict", "body.stl", "--volume", "none", "--overwrite"};
  words.insert(words.end(), options.begin(), options.end());
  const auto r = run_program(dir, words);
  INFO(r.err);
  REQUIRE(r.code == 0);
  return {r.err, core::parse_json(test::content(dir.file("body_streamtube/forces.json"))),
          core::parse_json(test::content(dir.file("body_streamtube/run.json"))),
          mesh_io::read_surface(dir.file("body_streamtube/surface.vtp"))};
}

double cd(const Result& r) { return r.forces["coefficients"]["Cd"]["total"]; }

const geometry::Attribute* hidden(const Result& r) {
  for (const auto& a : r.surface.attributes)
    if (a.name == "hidden") return &a;
  return nullptr;
}

}  // namespace

TEST_CASE("forces of a damaged body are those of the whole one") {
  const TempDir dir;
  const Result clean = predict(dir, body());
  CHECK(clean.run["repair"]["asked"] == "auto");
  CHECK(clean.run["repair"]["rung"] == "none");
  CHECK(clean.run["repair"]["steps"].empty());
  CHECK_FALSE(hidden(clean));

  // Walls inside, a box within, and of every fourth face a copy.
  const auto damaged = test::damaged(test::damaged(body(), "inner_walls"), "duplicated");
  const Result repaired = predict(dir, damaged);
  CHECK(cd(repaired) == Approx(cd(clean)).epsilon(1e-6));
  CHECK_THAT(repaired.err, ContainsSubstring("repair (full): duplicate faces dropped: ") &&
                               ContainsSubstring("repair (full): walls and parts inside left out: 4"));
  CHECK(repaired.run["repair"]["rung"] == "full");
  // Fields on the surface as it was, with what no flow reaches or counts once only marked.
  REQUIRE(repaired.surface.face_count() == damaged.face_count());
  REQUIRE(hidden(repaired));
  double marked = 0;
  for (const float value : hidden(repaired)->values) marked += value;
  CHECK(marked == static_cast<double>(damaged.face_count() - body().face_count()));
  CHECK(repaired.run["repair"]["hidden_faces"] == damaged.face_count() - body().face_count());

  // The lid of a hole counts.
  const Result hole = predict(dir, test::without_face(test::without_face(body(), 40), 40));
  CHECK_THAT(hole.err, ContainsSubstring("repair (full): holes filled: 1 (2 faces"));
  CHECK(hole.surface.face_count() == body().face_count() - 2);
  CHECK(hole.forces["patches"].begin().value()["area_m2"].get<double>() ==
        Approx(clean.forces["patches"].begin().value()["area_m2"].get<double>()));
  CHECK(cd(hole) == Approx(cd(clean)).margin(5e-4));
}

TEST_CASE("inspect says what a repair would do; a rough body is refused unless it is accepted") {
  const TempDir dir;
  mesh_io::write_stl(dir.file("soup.stl"), test::damaged(body(), "soup"));
  const auto said = run_program(dir, {"inspect", "soup.stl", "--repair", "auto"});
  INFO(said.err);
  REQUIRE(said.code == 0);
  CHECK_THAT(said.out, ContainsSubstring("repair         light: points merged: "));
  const auto as_json = run_program(dir, {"inspect", "soup.stl", "--repair", "auto", "--json"});
  CHECK(core::parse_json(as_json.out)["repair"]["rung"] == "light");
  CHECK_FALSE(core::parse_json(run_program(dir, {"inspect", "soup.stl", "--json"}).out).contains("repair"));

  mesh_io::write_stl(dir.file("scan.stl"),
                     test::damaged(test::box_mesh({0, -0.19, 0.05}, {1.03, 0.19, 0.33}, 60), "noisy"));
  const auto refused = run_program(dir, {"predict", "scan.stl", "--volume", "none", "--dry-run"});
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, ContainsSubstring("scan.stl") && ContainsSubstring("up and down") &&
                              ContainsSubstring("hint: smooth the surface, or pass --accept noisy"));
  const auto accepted = run_program(dir, {"predict", "scan.stl", "--volume", "none", "--dry-run", "--accept", "noisy"});
  CHECK(accepted.code == 0);
  CHECK_THAT(accepted.err, ContainsSubstring("warning: ") && ContainsSubstring("up and down"));
  CHECK(run_program(dir, {"predict", "scan.stl", "--repair", "everything"}).code == 2);
}

TEST_CASE("repair writes the closed body, and nothing over what is there") {
  const TempDir dir;
  mesh_io::write_stl(dir.file("body.stl"), test::without_face(test::without_face(body(), 40), 40));
  auto r = run_program(dir, {"repair", "body.stl", "-o", "closed.stl", "--json"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const json out = core::parse_json(r.out);
  CHECK(out["watertight"] == true);
  CHECK(out["repair"]["rung"] == "full");
  CHECK(out["volume_m3"].get<double>() == Approx(1.03 * 0.38 * 0.28).epsilon(1e-6));
  CHECK(mesh_io::read_surface(dir.file("closed.stl")).face_count() == out["faces"].get<std::size_t>());
  r = run_program(dir, {"repair", "body.stl", "-o", "closed.stl"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("is there already"));
  r = run_program(dir, {"repair", "body.stl", "-o", "body.stl", "--overwrite"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("one of the files that are read"));
  r = run_program(dir, {"repair", "body.stl", "-o", "closed.obj"});
  CHECK(r.code == 2);
  r = run_program(dir, {"repair", "closed.stl", "-o", "again.vtp"});
  CHECK(r.code == 0);
  CHECK_THAT(r.out, ContainsSubstring("nothing to repair") && ContainsSubstring("closed"));
}
