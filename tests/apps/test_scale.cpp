// Bodies of any size and conditions of a model, from the outside.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <iomanip>

#include "core/error.hpp"
#include "core/json.hpp"
#include "mesh_io/foam_file.hpp"
#include "mesh_io/h5/h5_file.hpp"
#include "mesh_io/mesh_io.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/apps/program.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/foam_case.hpp"
#include "tests/support/tiny_model.hpp"

namespace fs = std::filesystem;
using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using json = core::Json;
using test::content;
using test::run_program;
using test::TempDir;

namespace {

using Words = std::vector<std::string>;

// any.h5: a model of any size; asks.h5: also conditioned on the Reynolds number and on yaw; tiny.h5: of one size.
void write_models(const TempDir& dir) {
  auto model = test::tiny_model();
  model.training_range.push_back({"front_x", "m", 0, 0, 0.01});
  model.training_range.push_back({"center_y", "m", 0, 0, 0.01});
  surrogate::write_checkpoint(dir.file("tiny.h5"), model);
  model.canonical_length = 0.9;
  surrogate::write_checkpoint(dir.file("any.h5"), model);
  model.config.condition = 2;
  model.conditions = {{"reynolds_number", "-", true, 6, 0.5, 1e5, 1e7}, {"yaw", "deg", false, 0, 5, -10, 10}};
  model.weights = surrogate::random_weights(model.config, 7);
  surrogate::write_checkpoint(dir.file("asks.h5"), model);
}

// 1 m long for a factor of 1; coordinates as an STL has them.
std::string write_body(const TempDir& dir, const std::string& name, double factor, const Vec3& at = {0, 0, 0}) {
  auto mesh = test::box_mesh({0, -0.3, 0.1}, {1, 0.3, 0.5}, 6);
  for (Vec3& p : mesh.points) {
    if (p[0] > 0.8 && p[2] > 0.4) p[2] -= 0.15 * (p[0] - 0.8);
    for (int a = 0; a < 3; ++a) p[a] = factor * static_cast<float>(p[a]) + at[a];
  }
  mesh_io::write_stl(dir.file(name), mesh);
  return name;
}

std::string number(double x) { return core::str(std::setprecision(17), x); }

test::Outcome predict(const TempDir& dir, const std::string& body, const std::string& model, const Words& more = {}) {
  Words words = {"predict", body, "--model", model, "--threads", "1", "--json", "--out", body + "_out", "--overwrite"};
  words.insert(words.end(), more.begin(), more.end());
  return run_program(dir, words);
}

json answer(const test::Outcome& outcome) {
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  return core::parse_json(outcome.out);
}

void check_refused(const test::Outcome& outcome, int code, const std::string& why) {
  INFO(outcome.err);
  CHECK(outcome.code == code);
  CHECK_THAT(outcome.err, ContainsSubstring(why));
}

}  // namespace

TEST_CASE("a body in every size: the same coefficients and fields at one Reynolds number, in its own metres") {
  const TempDir dir;
  write_models(dir);
  const Words grid = {"--volume", "grid", "--derive", "q_criterion"};
  const auto run = [&](const std::string& body, double velocity, Words more = {}) {
    more.insert(more.end(), grid.begin(), grid.end());
    // Cells of a tenth of the body's length.
    more.insert(more.end(), {"--velocity", number(velocity), "--cell", number(0.1 * (16 / velocity))});
    return predict(dir, body, "any.h5", more);
  };
  const json one = answer(run(write_body(dir, "one.stl", 1, {3, -1, 0}), 16));
  CHECK(one["scale"]["factor"] == Approx(0.9));
  const auto outcome = run(write_body(dir, "four.stl", 4, {12, -4, 0}), 4);
  CHECK_THAT(outcome.err, ContainsSubstring("4 m long and is computed 0.225 times as large, 0.9 m long"));
  const json four = answer(outcome);
  CHECK(four["coefficients"] == one["coefficients"]);
  CHECK(four["forces_N"] == one["forces_N"]);  // a sixteenth of q, sixteen times the area
  CHECK(four["moments_Nm"]["pitch"]["total"] == 4 * one["moments_Nm"]["pitch"]["total"].get<double>());
  CHECK(four["reference"]["length_m"] == 4);
  CHECK(four["flow"]["reynolds_number"] == one["flow"]["reynolds_number"]);
  CHECK(four["extrapolation"].empty());
  const json record = core::parse_json(content(dir.file("four.stl_out/run.json")));
  CHECK(record["frame"]["scale"]["factor"] == Approx(0.225));
  CHECK_THAT(record["frame"]["scale"]["why"].get<std::string>(), ContainsSubstring("every body 0.9 m long"));
  CHECK(record["options"]["scale"] == "auto");
  const auto small = mesh_io::read_surface(dir.file("one.stl_out/surface.vtp")),
             large = mesh_io::read_surface(dir.file("four.stl_out/surface.vtp"));
  REQUIRE(small.attributes.size() == large.attributes.size());
  for (std::size_t i = 0; i < small.attributes.size(); ++i)
    if (small.attributes[i].name == "Cp") CHECK(small.attributes[i].values == large.attributes[i].values);
  for (std::size_t i = 0; i < small.points.size(); i += 5) CHECK(large.points[i] == 4.0 * small.points[i]);
  const auto cells = mesh_io::read_volume(dir.file("four.stl_out/volume.vtu"));
  CHECK(cells.bounds().size()[0] > 12);  // the model's 4 m in the body's size

  // Not of a power of two: to the rounding of the file.
  const json other = answer(run(write_body(dir, "other.stl", 4.4, {13.2, -4.4, 0}), 16 / 4.4));
  for (const char* name : {"Cd", "Cl"})
    CHECK(other["coefficients"][name]["total"].get<double>() ==
          Approx(one["coefficients"][name]["total"].get<double>()).margin(1e-4));
  CHECK(other["forces_N"]["drag"]["total"].get<double>() ==
        Approx(one["forces_N"]["drag"]["total"].get<double>()).epsilon(1e-3));

  // From one millimetre to one kilometre.
  for (const double factor : {1 / 1024.0, 1024.0}) {
    const json any =
        answer(run(write_body(dir, "any.stl", factor, {3 * factor, -factor, 0}), 16 / factor, {"--unit", "m"}));
    CHECK(any["coefficients"] == one["coefficients"]);
  }
}

TEST_CASE("a model of one size takes its own bodies as they are, and others as long as its own") {
  const TempDir dir;
  write_models(dir);
  const Words forces = {"--volume", "none"};
  const auto run = [&](const std::string& body, Words more = {}) {
    more.insert(more.end(), forces.begin(), forces.end());
    return predict(dir, body, "tiny.h5", more);
  };
  const auto plain = run(write_body(dir, "a.stl", 1));
  const json one = answer(plain);
  CHECK(one["scale"] == json{{"factor", 1}, {"why", nullptr}});
  CHECK_THAT(plain.err, !ContainsSubstring("times as large"));
  CHECK(answer(run("a.stl", {"--scale", "off"}))["coefficients"] == one["coefficients"]);

  const auto car = run(write_body(dir, "car.stl", 4));
  CHECK_THAT(car.err, ContainsSubstring("computed 0.25 times as large, 1 m long") &&
                          ContainsSubstring("the model's bodies are 0.5..1.5 m long") &&
                          ContainsSubstring("extrapolation: reynolds number is 4e+06"));
  CHECK(answer(car)["coefficients"] == one["coefficients"]);
  CHECK(answer(car)["scale"]["factor"] == 0.25);
  check_refused(run("car.stl", {"--scale", "off"}), 3, "x runs from 0 to 4 m, but the model 'tiny' knows positions");

  // Asked for: half as large as it is, and the other way round.
  const json half = answer(run("a.stl", {"--scale", "0.5"}));
  CHECK(half["coefficients"] != one["coefficients"]);
  CHECK(half["reference"] == one["reference"]);
  CHECK(half["scale"]["factor"] == 0.5);
  CHECK(answer(run(write_body(dir, "half.stl", 0.5), {"--scale", "1"}))["coefficients"] == half["coefficients"]);
  for (const char* bad : {"0", "-1", "nan", "inf", "large", "1e-320", "1,2"})
    check_refused(run("a.stl", {"--scale", bad}), 2, "--scale");
}

TEST_CASE("the unit of a body of any size is what its numbers look like") {
  const TempDir dir;
  write_models(dir);
  const auto unit = [&](double factor, const char* model, const Words& more = {}) {
    Words words = {"--volume", "none"};
    words.insert(words.end(), more.begin(), more.end());
    const auto r = predict(dir, write_body(dir, "b.stl", factor), model, words);
    INFO(r.err);
    REQUIRE(r.code == 0);
    return core::parse_json(content(dir.file("b.stl_out/run.json")))["frame"]["unit"].get<std::string>();
  };
  CHECK(unit(4.6, "any.h5") == "m");
  CHECK(unit(4600, "any.h5") == "mm");
  CHECK(unit(4.6, "any.h5", {"--unit", "auto"}) == "m");
  CHECK(unit(4600, "tiny.h5") == "mm");  // in no unit as long as the model's
  CHECK(unit(1000, "tiny.h5") == "mm");
  CHECK(unit(4600, "any.h5", {"--unit", "m"}) == "m");
  check_refused(predict(dir, write_body(dir, "b.stl", 4600), "tiny.h5", {"--scale", "off"}), 3,
                "in no unit is that near");
}

TEST_CASE("points of a car are those of the model's size, by both programs") {
  const TempDir dir;
  write_models(dir);
  write_body(dir, "one.stl", 1), write_body(dir, "four.stl", 4);
  std::string fields[2];
  for (const int i : {0, 1}) {
    const std::string name = i == 0 ? "one" : "four", v = i == 0 ? "16" : "4";
    auto r = run_program(dir, {"points", name + ".h5", "--surface", name + ".stl", "--prepare", name + ".stl",
                               "--model", "asks.h5", "--velocity", v, "--condition", "yaw=3"});
    INFO(r.err);
    REQUIRE(r.code == 0);
    r = test::run_command(dir,
                          {STREAMTUBE_CORE_PROGRAM, "predict", name + ".h5", "--model", "asks.h5", "--out",
                           name + "_core", "--threads", "1"},
                          [] { return false; });
    INFO(r.err);
    REQUIRE(r.code == 0);
    const json forces = core::parse_json(content(dir.file(name + "_core/forces.json")));
    CHECK(forces["scale"]["factor"] == Approx(i == 0 ? 0.9 : 0.225));
    CHECK(forces["flow"]["conditions"]["yaw"] == 3);
    fields[i] = core::json_text(forces["coefficients"]);
    answer(predict(dir, name + ".stl", "asks.h5", {"--points", name + ".h5", "--velocity", v, "--condition", "yaw=3"}));
    CHECK(content(dir.file(name + "_core/surface.hdf")) == content(dir.file(name + ".stl_out/surface.hdf")));
  }
  CHECK(fields[0] == fields[1]);
}

TEST_CASE("conditions of a model are asked for, and checked") {
  const TempDir dir;
  write_models(dir);
  write_body(dir, "a.stl", 1);
  const auto run = [&](Words more, const char* model = "asks.h5") {
    more.insert(more.end(), {"--volume", "none"});
    return predict(dir, "a.stl", model, more);
  };
  const json three = answer(run({"--condition", "yaw=3"}));
  CHECK(three["flow"]["conditions"] == json{{"yaw", 3}});
  CHECK(three["extrapolation"].empty());
  CHECK(answer(run({"--condition", "yaw=-3"}))["coefficients"] != three["coefficients"]);
  CHECK(answer(run({"--condition", "yaw=3", "--velocity", "30"}))["coefficients"] != three["coefficients"]);
  const auto far = run({"--condition", "yaw=30"});
  CHECK_THAT(far.err, ContainsSubstring("extrapolation: yaw is 30 deg; the training data has -10 to 10 deg"));
  CHECK(answer(far)["extrapolation"].size() == 1);
  CHECK_THAT(run({"--condition", "yaw=0", "--velocity", "1.5e4"}).err, ContainsSubstring("reynolds number is 1e+09"));
  CHECK_THAT(run({"--condition", "yaw=0", "--velocity", "0.015"}).err, ContainsSubstring("reynolds number is 1000"));
  check_refused(run({}), 2, "the model is conditioned on yaw (deg), which is not given");
  for (const auto& [text, why] : {std::pair{"yaw", "is not NAME=VALUE"},
                                  {"yaw=x", "is not NAME=VALUE"},
                                  {"yaw=", "is not NAME=VALUE"},
                                  {"yaw=nan", "is not NAME=VALUE"},
                                  {"=3", "is not NAME=VALUE"},
                                  {"yav=3", "did you mean 'yaw'"},
                                  {"reynolds_number=1e6", "follows from the flow"}})
    check_refused(run({"--condition", text}), 2, why);
  check_refused(run({"--condition", "yaw=3", "--condition", "yaw=4"}), 2, "'yaw' is given twice");
  check_refused(run({"--condition", "yaw=3"}, "tiny.h5"), 2, "the model 'tiny' has no condition 'yaw'");
  // solve --engine neural hands them on.
  const auto solved = run_program(dir, {"solve", "a.stl", "--engine", "neural", "--model", "asks.h5", "--condition",
                                        "yaw=3", "--no-volume", "--json", "--out", "solved"});
  CHECK(answer(solved)["coefficients"] == three["coefficients"]);
  check_refused(run_program(dir, {"solve", "a.stl", "--condition", "yaw=3"}), 2, "not for --engine openfoam");
}

TEST_CASE("conditions are columns of a sweep and parameters of a space") {
  const TempDir dir;
  write_models(dir);
  write_body(dir, "a.stl", 1), write_body(dir, "b.stl", 4);
  const auto sweep = [&](const std::string& what, Words more = {}) {
    more.insert(more.begin(), {"sweep", what, "--model", "asks.h5", "--out", what + "_out", "--threads", "1",
                               "--fields", "none", "--overwrite"});
    return run_program(dir, more);
  };
  dir.write("table.csv", "name,file,Yaw,velocity\nlow,a.stl,3,16\nhigh,a.stl,5,16\nlarge,b.stl,3,4\n");
  auto r = sweep("table.csv");
  INFO(r.err);
  REQUIRE(r.code == 0);
  const auto table = mesh_io::H5File::open(dir.file("table.csv_out/results.h5"));
  const auto cd = table.read<double>("/Cd");
  REQUIRE(cd.size() == 3);
  CHECK(cd[0] != cd[1]);
  CHECK(cd[0] == cd[2]);
  CHECK(table.read<double>("/yaw") == std::vector<double>{3, 5, 3});
  CHECK(table.read<double>("/length") == std::vector<double>{1, 1, 4});
  dir.write("empty.csv", "name,file,yaw\nlow,a.stl,3\nhigh,a.stl,\n");
  check_refused(sweep("empty.csv"), 2, "'high' has no value of yaw");
  r = sweep("empty.csv", {"--condition", "yaw=5"});
  CHECK(r.code == 0);
  CHECK(mesh_io::H5File::open(dir.file("empty.csv_out/results.h5")).read<double>("/yaw") == std::vector<double>{3, 5});
  dir.write("none.csv", "name,file\nlow,a.stl\n");
  check_refused(sweep("none.csv"), 2, "conditioned on yaw (deg)");
  CHECK_FALSE(fs::exists(dir.path() / "none.csv_out"));
  dir.write("space.json", R"({"baseline": "a.stl", "parameters": {"yaw": {"min": -4, "max": 4, "levels": 2}},
                              "sampling": {"method": "grid"}, "include_baseline": false})");
  r = sweep("space.json");
  INFO(r.err);
  REQUIRE(r.code == 0);
  const auto of_space = mesh_io::H5File::open(dir.file("space.json_out/results.h5")).read<double>("/Cd");
  CHECK((of_space.size() == 2 && of_space[0] != of_space[1]));
}

TEST_CASE("initialise takes a case of any size") {
  const TempDir dir;
  write_models(dir);
  std::vector<double> found[2];
  for (const int i : {0, 1}) {
    const double factor = i == 0 ? 1 : 4;
    const std::string name = i == 0 ? "one" : "four";
    const test::TinyFoamMesh mesh(factor * Vec3{0, -0.2, 0.05}, factor * Vec3{1, 0.2, 0.35}, factor);
    mesh.write(dir.path() / name / "constant/polyMesh");
    fs::create_directories(dir.path() / name / "0");
    const auto field = [&](const char* file, const char* type, const char* dimensions, const char* value) {
      dir.write(name + "/0/" + file, core::str("FoamFile { version 2.0; format ascii; class ", type, "; object ", file,
                                               "; }\ndimensions [", dimensions, "];\ninternalField uniform ", value,
                                               ";\nboundaryField\n{\n\".*\" { type zeroGradient; }\n}\n"));
    };
    field("U", "volVectorField", "0 1 -1 0 0 0 0", "(0 0 0)");
    field("p", "volScalarField", "0 2 -2 0 0 0 0", "0");
    const auto r = run_program(dir, {"initialise", name, "--model", "asks.h5", "--velocity", number(16 / factor),
                                     "--viscosity", "1.5e-5", "--condition", "yaw=3", "--json"});
    INFO(r.err);
    REQUIRE(r.code == 0);
    CHECK(core::parse_json(r.out)["scale"]["factor"] == Approx(0.9 / factor));
    found[i] = mesh_io::read_foam_field(dir.file(name + "/0/U"), mesh.cells).internal.values;
    for (double& x : found[i]) x *= factor;
  }
  REQUIRE(found[0].size() == found[1].size());
  for (std::size_t i = 0; i < found[0].size(); ++i) CHECK(found[1][i] == Approx(found[0][i]).margin(1e-4));
  check_refused(run_program(dir, {"initialise", "one", "--model", "asks.h5", "--overwrite", "--velocity", "16"}), 2,
                "conditioned on yaw (deg)");
}
