// --derive and --vorticity from the outside, and models whose vorticity is a curl.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <filesystem>

#include "core/json.hpp"
#include "mesh_io/mesh_io.hpp"
#include "physics/derivatives.hpp"
#include "surrogate/checkpoint/checkpoint.hpp"
#include "tests/apps/program.hpp"
#include "tests/geometry/shapes.hpp"
#include "tests/support/tiny_dataset.hpp"
#include "tests/support/tiny_model.hpp"

namespace fs = std::filesystem;
using namespace streamtube;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using json = core::Json;
using physics::Decoder;
using test::run_program;
using test::TempDir;

namespace {

const std::string kBaseline = STREAMTUBE_SOURCE_DIR "/data_samples/models/ahmed_baseline.h5";

std::string write_box(const TempDir& dir) {
  mesh_io::write_stl(dir.file("car.stl"), test::box_mesh({0, -0.19, 0.05}, {1.03, 0.19, 0.33}, 4));
  return dir.file("car.stl");
}

const geometry::Attribute& find(const geometry::VolumeMesh& mesh, const std::string& name) {
  for (const auto& a : mesh.attributes)
    if (a.name == name) return a;
  FAIL("no array " << name);
  return mesh.attributes.front();
}

double difference(const geometry::Attribute& a, const geometry::Attribute& b) {
  REQUIRE(a.values.size() == b.values.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i)
    largest = std::max<double>(largest, std::abs(a.values[i] - b.values[i]));
  return largest;
}

// predict on a coarse grid, with more options; the volume.
geometry::VolumeMesh volume(const TempDir& dir, const std::string& out, const std::vector<std::string>& more) {
  std::vector<std::string> words = {"predict", write_box(dir), "--volume", "grid", "--cell", "0.3", "--out", out};
  words.insert(words.end(), more.begin(), more.end());
  const auto r = run_program(dir, words);
  INFO(r.err);
  REQUIRE(r.code == 0);
  return mesh_io::read_volume(dir.file(out + "/volume.vtu"));
}

}  // namespace

TEST_CASE("predict --derive: arrays that belong together, named everywhere") {
  const TempDir dir;
  const auto plain = volume(dir, "plain", {});
  const auto mesh = volume(dir, "o",
                           {"--derive", "q_criterion,lambda2,strain_rate", "--derive", "divergence,velocity_gradient",
                            "--vorticity", "curl"});
  CHECK(plain.attributes.size() + 5 == mesh.attributes.size());
  CHECK(difference(find(plain, "velocity"), find(mesh, "velocity")) < 1e-3);  // m/s: rounding
  const auto& gradient = find(mesh, "velocity_gradient");
  CHECK(gradient.components == 9);
  for (std::size_t i = 0; i < mesh.cell_count(); ++i) {
    physics::Jacobian j;
    for (std::size_t c = 0; c < 9; ++c) j[c / 3][c % 3] = gradient.values[9 * i + c];
    const double size = std::abs(j[0][0]) + norm(j[0]) + norm(j[1]) + norm(j[2]), small = 1e-5 * size + 1e-12;
    CHECK(find(mesh, "q_criterion").values[i] == Approx(physics::q_criterion(j)).margin(small * size));
    CHECK(find(mesh, "lambda2").values[i] == Approx(physics::lambda2(j)).margin(small * size));
    CHECK(find(mesh, "divergence").values[i] == Approx(physics::divergence(j)).margin(small));
    for (std::size_t c = 0; c < 6; ++c)
      CHECK(find(mesh, "strain_rate").values[6 * i + c] == Approx(physics::strain_rate(j)[c]).margin(small));
    for (std::size_t c = 0; c < 3; ++c)
      CHECK(find(mesh, "vorticity").values[3 * i + c] == Approx(physics::curl(j)[c]).margin(small));
  }
  const json forces = core::parse_json(test::content(dir.file("o/forces.json"))),
             before = core::parse_json(test::content(dir.file("plain/forces.json"))),
             run = core::parse_json(test::content(dir.file("o/run.json")));
  CHECK(forces["coefficients"] == before["coefficients"]);
  CHECK(forces["model"]["decoders"] == json({{"pressure", "direct"}, {"velocity", "direct"}, {"vorticity", "curl"}}));
  CHECK(before["model"]["decoders"]["vorticity"] == "direct");
  CHECK(forces["derived_fields"] == json({"q_criterion", "lambda2", "strain_rate", "divergence", "velocity_gradient"}));
  CHECK(run["options"]["derive"] == forces["derived_fields"]);
  CHECK(run["options"]["vorticity"] == "curl");
  CHECK_THAT(test::content(dir.file("o/volume.vtu")), ContainsSubstring("Name=\"q_criterion\""));
}

TEST_CASE("the names of --derive may stand in a configuration file") {
  const TempDir dir;
  dir.write("c.toml", "[predict]\nderive = \"lambda2, divergence\"\nvorticity = \"curl\"\n");
  const auto mesh = volume(dir, "o", {"--config", dir.file("c.toml")});
  CHECK(find(mesh, "lambda2").components == 1);
  CHECK(find(mesh, "divergence").components == 1);
}

TEST_CASE("what --derive and --vorticity do not know: exit code 2 and the nearest name, before the work") {
  const TempDir dir;
  const std::string stl = write_box(dir);
  struct Bad {
    std::vector<std::string> options;
    std::string message;
  };
  for (const auto& [options, message] :
       std::vector<Bad>{{{"--derive", "q_criterium"}, "did you mean 'q_criterion'?"},
                        {{"--derive", "q_criterion,lambda"}, "'lambda'"},
                        {{"--derive", "vorticity"}, "there are: q_criterion, lambda2"},
                        {{"--vorticity", "crul"}, "did you mean 'curl'?"},
                        {{"--vorticity", "potential"}, "there are: direct, curl"},
                        {{"--derive", "lambda2", "--volume", "none"}, "--volume is none"},
                        {{"--vorticity", "curl", "--volume", "none"}, "--volume is none"},
                        {{"--vorticity-cell", "0.01", "--volume", "none"}, "--vorticity-cell is about fields"},
                        {{"--vorticity-cell", "0.01", "--vorticity", "direct"}, "leave out one of the two"},
                        {{"--vorticity-cell", "-1"}, "not a positive number"},
                        {{"--vorticity-cell", "small"}, "not a positive number"},
                        {{"--vorticity-cell", "own", "--points-on", "vertices"}, "cells of the volume's mesh"}}) {
    std::vector<std::string> words = {"predict", stl, "--out", "o"};
    words.insert(words.end(), options.begin(), options.end());
    const auto r = run_program(dir, words);
    INFO(r.err);
    CHECK(r.code == 2);
    CHECK(r.out.empty());
    CHECK_THAT(r.err, ContainsSubstring(options[0]) && ContainsSubstring(message));
    CHECK_FALSE(fs::exists(dir.file("o")));
  }
  const auto help = run_program(dir, {"predict", "--help"});
  CHECK_THAT(help.out, ContainsSubstring("--derive") && ContainsSubstring("velocity_gradient") &&
                           ContainsSubstring("--vorticity"));
}

TEST_CASE("the plan of a dry run says what is derived") {
  const TempDir dir;
  const auto r = run_program(
      dir, {"predict", "--derive", "lambda2", write_box(dir), "--dry-run", "--json", "--vorticity", "curl"});
  REQUIRE(r.code == 0);
  const json plan = core::parse_json(r.out)["plan"];
  CHECK_THAT(plan["derived fields"].get<std::string>(), ContainsSubstring("lambda2"));
  CHECK(plan["vorticity"] == "exact curl of the velocity");
}

TEST_CASE("a model that decodes vorticity as a curl: made, inspected, predicted with, and overruled") {
  const TempDir dir;
  surrogate::Checkpoint model = surrogate::read_checkpoint(kBaseline);
  model.normalizer.branch[1].fields[2].decoder = Decoder::curl;
  surrogate::write_checkpoint(dir.file("curl.h5"), model);
  auto r = run_program(dir, {"inspect", "curl.h5"});
  CHECK_THAT(r.out, ContainsSubstring("vorticity as the curl of velocity"));
  r = run_program(dir, {"inspect", "curl.h5", "--json"});
  CHECK(core::parse_json(r.out)["decoders"]["volume"]["vorticity"] == "curl");

  const auto of_model = volume(dir, "a", {"--model", "curl.h5"}),
             asked = volume(dir, "b", {"--model", kBaseline, "--vorticity", "curl"}),
             overruled = volume(dir, "c", {"--model", "curl.h5", "--vorticity", "direct"}),
             direct = volume(dir, "d", {"--model", kBaseline});
  CHECK(find(of_model, "vorticity").values == find(asked, "vorticity").values);
  CHECK(find(overruled, "vorticity").values == find(direct, "vorticity").values);
  CHECK(find(of_model, "vorticity").values != find(direct, "vorticity").values);
  CHECK(difference(find(of_model, "velocity"), find(direct, "velocity")) < 1e-3);

  model.normalizer.branch[1].fields[2].decoder = Decoder::direct;
  model.normalizer.branch[1].fields[2].name = "helicity";
  surrogate::write_checkpoint(dir.file("none.h5"), model);
  r = run_program(dir, {"predict", write_box(dir), "--model", "none.h5", "--vorticity", "curl", "--out", "o"});
  CHECK(r.code == 3);
  CHECK_THAT(r.err, ContainsSubstring("no vorticity"));
  CHECK_FALSE(fs::exists(dir.file("o")));
}

TEST_CASE("evaluate --vorticity: another vorticity, all else the same") {
  const TempDir dir;
  test::write_tiny_dataset(dir.file("d.h5"));
  surrogate::Checkpoint model = test::tiny_model();
  surrogate::write_checkpoint(dir.file("m.h5"), model);
  const auto evaluate = [&](const std::string& file, const std::vector<std::string>& more) {
    std::vector<std::string> words = {"evaluate", "--data", "d.h5", "--model", file, "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const auto r = run_program(dir, words);
    INFO(r.err);
    REQUIRE(r.code == 0);
    return core::parse_json(r.out);
  };
  for (const char* draws : {"1", "2"}) {
    const json direct = evaluate("m.h5", {"--draws", draws}),
               curl = evaluate("m.h5", {"--draws", draws, "--vorticity", "curl"});
    CHECK(direct["decoders"]["volume/vorticity"] == "direct");
    CHECK(curl["decoders"]["volume/vorticity"] == "curl");
    CHECK(curl["metrics"]["volume/vorticity"] != direct["metrics"]["volume/vorticity"]);
    for (const char* same : {"volume/velocity", "volume/pressure"})
      CHECK(curl["metrics"][same].get<double>() == Approx(direct["metrics"][same].get<double>()).epsilon(1e-5));
    for (const char* same : {"surface/pressure", "cd_mae_counts"})
      CHECK(curl["metrics"][same] == direct["metrics"][same]);
  }
  model.normalizer.branch[1].fields[1].decoder = Decoder::potential;
  model.normalizer.branch[1].fields[2].decoder = Decoder::curl;
  model.normalizer.branch[1].std[1] = model.normalizer.branch[1].std[2] = model.normalizer.branch[1].std[3] = 0.3;
  surrogate::write_checkpoint(dir.file("p.h5"), model);
  const json potential = evaluate("p.h5", {});
  CHECK(potential["decoders"]["volume/velocity"] == "potential");
  CHECK(std::isfinite(potential["metrics"]["volume/vorticity"].get<double>()));
  const auto r = run_program(dir, {"evaluate", "--data", "d.h5", "--model", "m.h5", "--vorticity", "crul"});
  CHECK(r.code == 2);
  CHECK_THAT(r.err, ContainsSubstring("did you mean 'curl'?"));
}
