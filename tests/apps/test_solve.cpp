// solve, dataset generate and initialise from the outside, with OpenFOAM's programs played by scripts.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <sstream>

#include "core/child_process.hpp"
#include "core/json.hpp"
#include "geometry/parts.hpp"
#include "mesh_io/foam_file.hpp"
#include "mesh_io/h5/dataset.hpp"
#include "mesh_io/mesh_io.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/apps/program.hpp"
#include "tests/support/fake_openfoam.hpp"
#include "tests/support/tiny_model.hpp"

namespace fs = std::filesystem;
using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using json = core::Json;
using test::content;
using test::FakeOpenFoam;
using test::run_program;
using test::TempDir;

namespace {

using Words = std::vector<std::string>;

struct Place {
  TempDir dir;
  FakeOpenFoam fake{dir.path() / "fake"};
  Place() { mesh_io::write_stl(dir.file("body.stl"), fake.body()); }
  test::Outcome solve(const Words& more = {}) const {
    Words words = {"solve", "body.stl", "--out", "out"};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(dir, words);
  }
};

}  // namespace

TEST_CASE("solve writes results in the form of predict", "[solve]") {
  const Place at;
  at.fake.mode("converges");
  const auto outcome = at.solve({"--density", "2", "--reference-area", "0.12", "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  const json forces = core::parse_json(outcome.out);
  CHECK(forces["coefficients"]["Cd"]["pressure"] == Approx(at.fake.kCdPressure));
  CHECK(forces["coefficients"]["Cd"]["friction"] == Approx(at.fake.kCdFriction));
  for (const char* file :
       {"surface.vtp", "volume.vtu", "forces.json", "results.pvd", "run.json", "case/system/fvSchemes", "case/0/U"})
    CHECK(fs::exists(at.dir.path() / "out" / file));
  CHECK(core::parse_json(content(at.dir.file("out/run.json")))["options"]["moving_ground"] == true);
  const auto surface = mesh_io::read_surface(at.dir.file("out/surface.vtp"));
  CHECK(surface.face_count() == 10);
  CHECK_FALSE(content(at.dir.file("out/case/system/snappyHexMeshDict")).find('@') != std::string::npos);

  const auto again = at.solve();
  CHECK(again.code == 2);
  CHECK_THAT(again.err, ContainsSubstring("--overwrite"));
  CHECK(at.solve({"--overwrite", "--no-volume", "--discard-case"}).code == 0);
  CHECK_FALSE(fs::exists(at.dir.path() / "out/volume.vtu"));
  CHECK_FALSE(fs::exists(at.dir.path() / "out/case"));
}

TEST_CASE("solve --engine neural is predict", "[solve]") {
  const Place at;
  surrogate::Checkpoint model = test::tiny_model();
  surrogate::write_checkpoint(at.dir.file("tiny.h5"), model);
  const auto solved = run_program(at.dir, {"solve", "body.stl", "--engine", "neural", "--model", "tiny.h5",
                                           "--no-volume", "--out", "a", "--velocity", "20", "--json"});
  INFO(solved.err);
  REQUIRE(solved.code == 0);
  const auto predicted = run_program(at.dir, {"predict", "body.stl", "--model", "tiny.h5", "--volume", "none", "--out",
                                              "b", "--velocity", "20", "--json"});
  CHECK(core::parse_json(solved.out)["coefficients"] == core::parse_json(predicted.out)["coefficients"]);
  const auto wrong = run_program(at.dir, {"solve", "body.stl", "--engine", "neural", "--cell", "0.01"});
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.err, ContainsSubstring("--cell is not for --engine neural"));
}

TEST_CASE("solve without OpenFOAM names the package", "[solve]") {
  const Place at;
  fs::create_directory(at.dir.path() / "empty");
  ::setenv("PATH", at.dir.file("empty").c_str(), 1);
  const auto outcome = at.solve();
  CHECK(outcome.code == 1);
  CHECK_THAT(outcome.err, ContainsSubstring("OpenFOAM is not installed: there is no program 'blockMesh'") &&
                              ContainsSubstring("apt install openfoam"));
  CHECK_FALSE(fs::exists(at.dir.path() / "out"));
  const auto planned = at.solve({"--dry-run"});
  CHECK(planned.code == 1);
  CHECK_THAT(planned.out, ContainsSubstring("REFUSED") && ContainsSubstring("OpenFOAM is not installed"));
}

TEST_CASE("solve --dry-run says what will be there and what would be refused", "[solve]") {
  const Place at;
  at.fake.mode("converges");
  const auto good = at.solve({"--dry-run", "--iterations", "30"});
  INFO(good.err);
  CHECK(good.code == 0);
  for (const char* text :
       {"half, y >= 0, and its mirror image", "on the faces of OpenFOAM's mesh on the body (surface.vtp)",
        "in the cells of OpenFOAM's mesh", "at most 30, then 30 averaged", " GB", "about ", "0.05 m above it"})
    CHECK_THAT(good.out, ContainsSubstring(text));
  CHECK_FALSE(fs::exists(at.dir.path() / "out"));
  CHECK_THAT(at.solve({"--dry-run", "--surface", "body"}).out,
             ContainsSubstring("those nearest to its faces also on 'body.stl' (mapped.vtp)"));

  REQUIRE(at.solve().code == 0);
  const auto there = at.solve({"--dry-run", "--json"});
  CHECK(there.code == 2);
  const json plan = core::parse_json(there.out);
  REQUIRE(plan["refused"].size() == 2);
  CHECK_THAT(plan["refused"][0]["why"].get<std::string>(), ContainsSubstring("already holds surface.vtp"));
  CHECK_THAT(plan["refused"][1]["why"].get<std::string>(), ContainsSubstring("holds a case already"));
  CHECK(at.solve({"--dry-run", "--overwrite"}).code == 0);
  const auto other = at.solve({"--dry-run", "--resume", "--velocity", "20"});
  CHECK(other.code == 2);
  CHECK_THAT(other.out, ContainsSubstring("velocity is \"15\" there, \"20\" here"));
  fs::create_directories(at.dir.path() / "own/system");
  at.dir.write("own/system/fvSchemes", "gradSchemes { default @scheme@; }\n");
  const auto bad = at.solve({"--dry-run", "--overwrite", "--templates", "own"});
  CHECK(bad.code == 3);
  CHECK_THAT(bad.out, ContainsSubstring("nothing is known for '@scheme@"));
  CHECK(at.solve({"--residual", "2"}).code == 2);
  CHECK_THAT(at.solve({"--turbulence-intensity", "5"}).err, ContainsSubstring("0.005 are 0.5 %"));
  CHECK_THAT(at.solve({"--overwrite", "--surface", "none.vtp"}).err, ContainsSubstring("there is no file 'none.vtp'"));
}

TEST_CASE("solve meshes for cars, or plainly, or by a file of the user", "[solve]") {
  const Place at;
  at.fake.mode("converges");
  const auto dictionary = [&](const Words& more) {
    Words words = {"--mesh-only", "--overwrite"};
    words.insert(words.end(), more.begin(), more.end());
    const auto outcome = at.solve(words);
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    return content(at.dir.file("out/case/system/snappyHexMeshDict"));
  };
  // All lines but those that begin with `what`, which are `count`.
  const auto without = [](const std::string& text, const std::string& what, int count) {
    std::istringstream in(text);
    std::string out;
    for (std::string line; std::getline(in, line);)
      if (line.rfind(what, line.find_first_not_of(' ')) == line.find_first_not_of(' ') && !line.empty())
        --count;
      else
        out += line + '\n';
    CHECK(count == 0);
    return out;
  };
  const std::string plain = dictionary({"--mesh", "plain"}), car = dictionary({});
  CHECK_THAT(plain, ContainsSubstring("  far { type searchableBox;") && !ContainsSubstring("rear"));
  CHECK_THAT(plain, ContainsSubstring("); }\n}\ncastellatedMeshControls"));
  CHECK_THAT(plain, ContainsSubstring("    far { mode inside; levels ((1e15 1)); }\n  }\n"));
  // The box is 1 x 0.4 x 0.3 m, 0.05 m above the ground: its roof ends at its rear.
  CHECK_THAT(car, ContainsSubstring("\n  rear { type searchableBox; min (0.94 ") &&
                      ContainsSubstring("\n    rear { mode inside; levels ((1e15 4)); }\n"));
  CHECK(without(without(car, "rear {", 2), "wake { type", 1) == without(plain, "wake { type", 1));
  CHECK_THAT(at.solve({"--resume", "--mesh", "plain"}).err, ContainsSubstring("mesh is \"car\" there, \"plain\" here"));
  CHECK_THAT(at.solve({"--dry-run", "--overwrite"}).out,
             ContainsSubstring("from the roof's end, x 1, to 0.12 m behind"));
  CHECK_THAT(at.solve({"--dry-run", "--overwrite", "--mesh", "plain"}).out,
             ContainsSubstring("plain: coarser by a step"));
  CHECK(at.solve({"--mesh", "fine"}).code == 2);

  fs::create_directories(at.dir.path() / "own/system");
  at.dir.write("own/system/snappyHexMeshDict", "mine @wake_max@\n");
  CHECK_THAT(at.solve({"--dry-run", "--overwrite", "--templates", "own"}).out,
             ContainsSubstring("of 'own/system/snappyHexMeshDict'"));
  CHECK_THAT(dictionary({"--templates", "own"}), StartsWith("mine 1.7 0.25"));
}

TEST_CASE("a case of before, which did not say its mesh, was a plain one", "[solve]") {
  const Place at;
  at.fake.mode("converges");
  REQUIRE(at.solve({"--mesh", "plain", "--mesh-only"}).code == 0);
  json state = core::parse_json(content(at.dir.file("out/case/streamtube.json")));
  for (const char* key : {"mesh", "rear_box", "rear_region"}) CHECK(state["setup"].erase(key) == 1);
  at.dir.write("out/case/streamtube.json", core::json_text(state));
  CHECK_THAT(at.solve({"--resume"}).err, ContainsSubstring("mesh is \"plain\" there, \"car\" here"));
  CHECK(at.solve({"--resume", "--mesh", "plain"}).code == 0);
}

TEST_CASE("solve takes a body that had to be repaired", "[solve]") {
  const Place at;
  at.fake.mode("converges");
  auto open = at.fake.body();
  open.corners.resize(static_cast<std::size_t>(open.offsets[open.face_count() - 1]));
  open.offsets.pop_back(), open.patch.pop_back();
  mesh_io::write_stl(at.dir.file("open.stl"), open);
  const auto outcome = run_program(at.dir, {"solve", "open.stl", "--out", "out", "--surface", "body"});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK_THAT(outcome.err, ContainsSubstring("repair (full): holes filled") &&
                              ContainsSubstring("surface fields: on the faces of OpenFOAM's mesh"));
  CHECK(core::parse_json(content(at.dir.file("out/run.json")))["repair"]["rung"] == "full");
  CHECK(mesh_io::read_surface(at.dir.file("out/surface.vtp")).face_count() == 10);
  CHECK(mesh_io::read_surface(at.dir.file("out/mapped.vtp")).face_count() == open.face_count());
  CHECK(content(at.dir.file("out/results.pvd")).find("mapped") == std::string::npos);
  // Without --surface the old one goes.
  CHECK(run_program(at.dir, {"solve", "open.stl", "--out", "out", "--overwrite"}).code == 0);
  CHECK_FALSE(fs::exists(at.dir.path() / "out/mapped.vtp"));
}

TEST_CASE("solve takes one half of a body with a mirror on one side", "[solve]") {
  const Place at;
  at.fake.mode("converges");
  auto body = at.fake.body();
  geometry::append(body, test::box_mesh({0.3, 0.15, 0.2}, {0.4, 0.3, 0.25}, 2), "mirror");
  mesh_io::write_stl(at.dir.file("car.stl"), body);
  const auto solve = [&](const Words& more) {
    Words words = {"solve", "car.stl", "--out", "out"};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(at.dir, words);
  };
  const auto half = solve({"--symmetry", "half"});
  CHECK(half.code == 3);
  CHECK_THAT(half.err, ContainsSubstring("not its own mirror image at y = 0: up to 0.1 m away") &&
                           ContainsSubstring("--symmetry left or right"));
  CHECK_THAT(solve({"--dry-run"}).out, ContainsSubstring("whole: the body is up to"));
  const auto right = solve({"--symmetry", "right", "--dry-run"});
  CHECK_THAT(right.out, ContainsSubstring("the right half of the body (y > 0) and its mirror image"));
  // The left half is the box that the fake mesh is of. Its bounds are not about y = 0, its middle is.
  const auto left = solve({"--symmetry", "left", "--surface", "body"});
  INFO(left.err);
  REQUIRE(left.code == 0);
  CHECK_THAT(left.err, ContainsSubstring("the left half of the body is computed with its mirror image; the body itself "
                                         "is up to 0.1 m (10 % of its length) from that, at (0."));
  const json forces = core::parse_json(content(at.dir.file("out/forces.json")));
  REQUIRE(forces["warnings"].size() == 1);
  CHECK_THAT(forces["warnings"][0].get<std::string>(), ContainsSubstring("the left half"));
  const Box box = mesh_io::read_surface(at.dir.file("out/surface.vtp")).bounds();
  CHECK(box.low[1] == Approx(-0.2));
  CHECK(box.high[1] == Approx(0.2));
  CHECK(mesh_io::read_surface(at.dir.file("out/mapped.vtp")).bounds().high[1] == Approx(0.3));
}

TEST_CASE("a run that had too few iterations goes on with --resume", "[solve]") {
  const Place at;
  at.fake.mode("");
  auto outcome = at.solve({"--iterations", "30"});
  INFO(outcome.err);
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.err, ContainsSubstring("in 30 iterations: fields and forces are means over 30 further ones"));
  CHECK(at.solve({"--iterations", "30", "--resume"}).code == 0);
  CHECK(at.fake.calls() == "snappyHexMesh\nsimpleFoam from 0 to 30\nsimpleFoam from 30 to 60\n");
  CHECK(at.solve({"--iterations", "80", "--resume"}).code == 0);
  CHECK(at.fake.calls() ==
        "snappyHexMesh\nsimpleFoam from 0 to 30\nsimpleFoam from 30 to 60\nsimpleFoam from 60 to 80\nsimpleFoam "
        "from 80 to 160\n");
}

TEST_CASE("what goes wrong in OpenFOAM is told, and recorded", "[solve]") {
  const Place at;
  at.fake.mode("blockmesh_fails");
  auto outcome = at.solve();
  CHECK(outcome.code == 3);
  CHECK_THAT(outcome.err, ContainsSubstring("blockMesh failed: face 0 of block 0 is inside out") &&
                              ContainsSubstring("log.blockMesh"));
  CHECK_FALSE(fs::exists(at.dir.path() / "out/run.json"));

  at.fake.mode("no_body");
  outcome = at.solve({"--resume"});
  CHECK(outcome.code == 3);
  CHECK_THAT(outcome.err, ContainsSubstring("the mesh has no body in it"));

  for (const char* mode : {"diverges", "traps"}) {
    at.fake.mode(mode);
    outcome = at.solve({"--overwrite"});
    CHECK(outcome.code == 3);
    CHECK_THAT(outcome.err, ContainsSubstring("the solution is rejected: it diverged at iteration 7"));
    CHECK(core::parse_json(content(at.dir.file("out/case/streamtube.json")))["rejected"] ==
          "it diverged at iteration 7");
  }
  // Forces that belong to other fields.
  at.fake.mode("converges");
  std::ofstream(at.fake.folder / "force") << "(9 0 0) (8 0 0) (1 0 0)\n";
  outcome = at.solve({"--overwrite"});
  CHECK(outcome.code == 4);
  CHECK_THAT(outcome.err, ContainsSubstring("doubtful: the surface fields give Cd"));
  CHECK_THAT(outcome.out, ContainsSubstring("DOUBTFUL: the surface fields give Cd"));
  CHECK(core::parse_json(content(at.dir.file("out/forces.json")))["doubts"].size() == 1);
  CHECK(core::parse_json(content(at.dir.file("out/case/streamtube.json")))["doubts"].size() == 1);
}

TEST_CASE("a run that was broken off goes on from its last whole time", "[solve]") {
  const Place at;
  at.fake.mode("stalls");
  Words words = {"solve", "body.stl", "--out", "out"};
  const auto outcome = run_program(at.dir, words, [&] { return fs::exists(at.dir.path() / "out/case/stalled"); });
  CHECK(outcome.code == 130);
  CHECK_THAT(outcome.err, ContainsSubstring("--resume"));
  CHECK_FALSE(fs::exists(at.dir.path() / "out/run.json"));
  at.fake.mode("");
  const auto other = at.solve({"--resume", "--velocity", "20"});
  CHECK(other.code == 2);
  CHECK_THAT(other.err, ContainsSubstring("holds another case: velocity is \"15\" there, \"20\" here"));
  const auto resumed = at.solve({"--resume"});
  INFO(resumed.err);
  CHECK(resumed.code == 0);
  CHECK_THAT(resumed.err, ContainsSubstring("means over 120 further ones"));  // it never converged
  // 60 was half written: 50 is the last whole one. The mesh was not made again.
  CHECK(at.fake.calls() ==
        "snappyHexMesh\nsimpleFoam from 0 to 200\nsimpleFoam from 50 to 200\nsimpleFoam from 200 to 320\n");
}

TEST_CASE("generate solves the designs of a space into a data set", "[generate]") {
  const Place at;
  at.fake.mode("converges");
  // The fake solution is that of a box: it has the surface area of the first design, not of the second.
  at.dir.write("space.json", R"({"baseline": {"family": "ahmed"}, "include_baseline": false,
    "parameters": {"width": {"min": 0.3, "max": 0.5}, "height": {"min": 0.2, "max": 0.4}, "density": 2},
    "designs": [{"name": "run_1", "width": 0.415, "height": 0.305}, {"name": "run_2", "width": 0.35, "height": 0.25}]})");
  auto outcome = run_program(at.dir, {"dataset", "generate", "space.json", "--dry-run"});
  INFO(outcome.err);
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.out, ContainsSubstring("run_2: ") && ContainsSubstring("2 designs"));
  outcome = run_program(at.dir,
                        {"dataset", "generate", "space.json", "--out", "d.h5", "--jobs", "2", "--volume-points", "9"});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK_THAT(outcome.out, ContainsSubstring("1 of 2 designs solved") && ContainsSubstring("failed: run_2"));
  const mesh_io::Dataset data(at.dir.file("d.h5"));
  REQUIRE(data.cases().size() == 1);
  const auto& run = data.cases()[0];
  CHECK(run.name == "run_1");
  CHECK(run.rows[0] == 10);
  CHECK(run.rows[1] == 9);
  CHECK(run.parameters.at("width") == 0.415);
  CHECK(run.flow.density == 2);
  CHECK(run.coefficients.at("Cd") == Approx(2 * 6.35 / (112.5 * 0.415 * 0.305)));
  CHECK(data.splits() == std::vector<std::string>{"all", "train", "trainval"});
  CHECK_THAT(content(at.dir.file("d.csv")),
             ContainsSubstring("run_2,failed,") && ContainsSubstring("it was not meshed well"));
  // The case of the failed design stays, to be looked at.
  CHECK(fs::exists(at.dir.path() / "d.h5.cases/run_2/log.snappyHexMesh"));
  CHECK_FALSE(fs::exists(at.dir.path() / "d.h5.cases/run_2/log.simpleFoam"));  // told before it was solved
  CHECK_FALSE(fs::exists(at.dir.path() / "d.h5.cases/run_1"));
  CHECK(run_program(at.dir, {"dataset", "generate", "space.json", "--out", "d.h5"}).code == 2);

  // Twice: what comes out differently is the scatter of labels.
  outcome = run_program(at.dir, {"dataset", "generate", "space.json", "--out", "twice.h5", "--repeat", "1", "--mesh",
                                 "plain", "--residual", "1e-4", "--average", "30"});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK_THAT(outcome.err, ContainsSubstring("run_1, once more: Cd "));
  CHECK_THAT(outcome.out, ContainsSubstring("1 designs solved once more, cells 1.025 times as large"));
  const mesh_io::Dataset twice(at.dir.file("twice.h5"));
  REQUIRE(twice.cases().size() == 1);
  CHECK(twice.label_noise().scatter.at("Cd").pairs == 1);
  CHECK(twice.label_noise().scatter.at("volume/velocity").rms == 0);  // the fake gives the same once more
  CHECK_FALSE(fs::exists(at.dir.path() / "twice.h5.cases/run_1.repeat"));
  outcome = run_program(at.dir, {"dataset", "generate", "space.json", "--dry-run", "--repeat", "0.5"});
  CHECK_THAT(outcome.out, ContainsSubstring("2 designs, mesh: car; solved once more: run_1"));
  CHECK(run_program(at.dir, {"dataset", "generate", "space.json", "--repeat", "1", "--repeat-cell", "1"}).code == 2);
  CHECK_THAT(run_program(at.dir, {"dataset", "generate", "space.json", "--residual", "2"}).err,
             ContainsSubstring("--residual: 2 is where every iteration begins"));
  // Another residual than that of a run that did not end.
  fs::create_directories(at.dir.path() / "half.h5.import");
  at.dir.write("half.h5.import/import.json",
               R"({"layout": "generated", "settings": "{\"residual\": 1}", "volume_points": 0, "cases": {}})");
  outcome = run_program(at.dir, {"dataset", "generate", "space.json", "--out", "half.h5", "--resume"});
  CHECK(outcome.code == 2);
  CHECK_THAT(outcome.err, ContainsSubstring("was begun with another ") && ContainsSubstring("residual"));

  // None is good: nothing is written.
  outcome = run_program(at.dir, {"dataset", "generate", "space.json", "--out", "e.h5", "--only", "run_2"});
  CHECK(outcome.code == 3);
  CHECK_FALSE(fs::exists(at.dir.path() / "e.h5"));
  const auto unknown = run_program(at.dir, {"dataset", "generate", "space.json", "--only", "run_7"});
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, ContainsSubstring("has no design 'run_7'"));
}

TEST_CASE("initialise writes predicted fields into a case and keeps the old ones", "[initialise]") {
  const TempDir dir;
  surrogate::Checkpoint model = test::tiny_model();
  surrogate::write_checkpoint(dir.file("tiny.h5"), model);
  const test::TinyFoamMesh mesh({0, -0.2, 0.05}, {1.044, 0.2, 0.338});
  mesh.write(dir.path() / "car/constant/polyMesh");
  fs::create_directories(dir.path() / "car/0");
  fs::create_directories(dir.path() / "car/system");
  dir.write("car/constant/transportProperties",
            "FoamFile { version 2.0; format ascii; class dictionary; object transportProperties; }\ntransportModel "
            "Newtonian;\nnu [0 2 -1 0 0 0 0] 1.5e-5;\n");
  const auto field = [](const std::string& name, const char* type, const char* dimensions, const char* value,
                        const char* patches) {
    return "FoamFile { version 2.0; format ascii; class " + std::string(type) + "; object " + name +
           "; }\ndimensions [" + dimensions + "];\ninternalField uniform " + value + ";\nboundaryField\n{\n" + patches +
           "\n}\n// **** //\n";
  };
  const std::string u = field(
      "U", "volVectorField", "0 1 -1 0 0 0 0", "(0 0 0)",
      "inlet { type fixedValue; value uniform (15 0 0); } \"(outlet|side|top|ground|body)\" { type zeroGradient; }");
  dir.write("car/0/U", u);
  dir.write("car/0/p", field("p", "volScalarField", "0 2 -2 0 0 0 0", "0", "\".*\" { type zeroGradient; }"));
  dir.write("car/0/omega", field("omega", "volScalarField", "0 0 -1 0 0 0 0", "100",
                                 "inlet { type fixedValue; value $internalField; }"));
  const auto dry = run_program(dir, {"initialise", "car", "--model", "tiny.h5", "--dry-run"});
  INFO(dry.err);
  REQUIRE(dry.code == 0);
  CHECK(content(dir.file("car/0/U")) == u);
  const auto outcome = run_program(dir, {"initialise", "car", "--model", "tiny.h5", "--json"});
  REQUIRE(outcome.code == 0);
  const json result = core::parse_json(outcome.out);
  CHECK(result["fields"] == json::array({"U", "p", "omega"}));
  CHECK(result["body"] == json::array({"body"}));
  CHECK(result["half"] == true);
  CHECK(content(dir.file("car/0.before_initialise/U")) == u);
  const auto velocity = mesh_io::read_foam_field(dir.file("car/0/U"), mesh.cells);
  REQUIRE(velocity.internal.values.size() == 3 * mesh.cells);
  for (std::size_t i = 0; i < velocity.internal.values.size(); ++i) CHECK(std::isfinite(velocity.internal.values[i]));
  // The outermost cell downstream lies beyond the model's domain, where the free stream takes over.
  CHECK(std::abs(velocity.internal.values[3 * (mesh.cells - 1)] - 15) < 3);
  CHECK(velocity.patches[0].value.values == std::vector<double>{15, 0, 0});
  CHECK_THAT(content(dir.file("car/0/omega")), ContainsSubstring("value uniform 100;"));

  const auto again = run_program(dir, {"initialise", "car"});
  CHECK(again.code == 2);
  CHECK_THAT(again.err, ContainsSubstring("initialised before"));
  CHECK(run_program(dir, {"initialise", "car", "--model", "tiny.h5", "--overwrite", "--velocity", "15"}).code == 0);
  CHECK(content(dir.file("car/0.before_initialise/U")) == u);

  const auto refused = [&](const Words& more, int code, const char* why) {
    Words words = {"initialise", "car", "--overwrite"};
    words.insert(words.end(), more.begin(), more.end());
    const auto bad = run_program(dir, words);
    CHECK(bad.code == code);
    CHECK_THAT(bad.err, ContainsSubstring(why));
  };
  refused({"--body", "wheels"}, 3, "the mesh has no patch 'wheels'");
  refused({"--fields", "k"}, 3, "0/k' is not there");
  refused({"--time", "5"}, 3, "there is no folder '5'");
  dir.write("car/0/p", field("p", "volScalarField", "1 -1 -2 0 0 0 0", "1e5", "\".*\" { type zeroGradient; }"));
  refused({}, 3, "not [0 2 -2 0 0 0 0]");
  dir.write("car/0/p", "");
  refused({}, 3, "the file is empty");
  CHECK(run_program(dir, {"initialise", "nowhere"}).code == 3);
}
